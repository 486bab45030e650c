import { RequestRefused } from '../../adapters/dialects/dialect.ts';

/** The charset of a body that is not UTF-8, by the name that `TextDecoder` gives it. */
export type Charset = string;

const CHARSET = /;\s*charset\s*=\s*(?:"([^"]*)"?|'([^']*)'?|([^\s;]*))/i;
/** UTF-8 contains ASCII, and a body that claims ASCII and is not is nearly always UTF-8. */
const UTF_8: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii', '']);

/** The charset that Content-Type names; undefined for UTF-8. Throws RequestRefused (415) if it is unknown. */
export function charsetOf(contentType: string | undefined): Charset | undefined {
  const found = contentType === undefined ? null : CHARSET.exec(contentType);
  if (found === null) return undefined;
  const label = (found[1] ?? found[2] ?? found[3] ?? '').trim().toLowerCase();
  if (UTF_8.has(label)) return undefined;
  try {
    const { encoding } = new TextDecoder(label);
    return encoding === 'utf-8' ? undefined : encoding;
  } catch {
    throw new RequestRefused(
      415,
      `Content-Type must name a charset that can be read, such as utf-8, got ${label.slice(0, 40)}; send UTF-8`,
      undefined,
      { reason: 'charset' },
    );
  }
}

/**
 * Converts the body to UTF-8. A byte order mark wins over the header. A body that claims to be UTF-8 is kept as sent, even if it is not valid:
 * readers see U+FFFD for each invalid byte.
 */
export function inUtf8(body: Buffer, charset: Charset | undefined): Buffer {
  const written = writtenIn(body, charset);
  if (written === undefined) return body;
  return Buffer.from(written === 'windows-1252' ? windows1252(body) : new TextDecoder(written).decode(body));
}

function writtenIn(body: Buffer, charset: Charset | undefined): Charset | undefined {
  const [first = 0, second = 0, third = 0] = body;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  // JSON starts with an ASCII character and has no zero bytes in UTF-8. In UTF-16 one of its first two bytes is zero.
  if ((first === 0) !== (second === 0) && body.length > 1) return first === 0 ? 'utf-16be' : 'utf-16le';
  if (charset === undefined || (first === 0xef && second === 0xbb && third === 0xbf)) return undefined;
  return charset.startsWith('utf-16') ? undefined : charset;
}

const WINDOWS_1252 = Uint16Array.from({ length: 256 }, (_, byte) => byte);
[...'€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'].forEach((sign, at) => {
  WINDOWS_1252[0x80 + at] = sign.charCodeAt(0);
});

/** Does not use TextDecoder: some versions of Node decode 0x80 to 0x9f as Latin-1, that is, as control characters that nobody means. */
function windows1252(body: Buffer): string {
  const units = new Uint16Array(body.length);
  for (let at = 0; at < body.length; at += 1) units[at] = WINDOWS_1252[body[at] as number] as number;
  return Buffer.from(units.buffer).toString('utf16le');
}
