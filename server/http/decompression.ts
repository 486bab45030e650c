import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, unzipSync } from 'node:zlib';
import { RequestRefused } from '../../adapters/dialects/dialect.ts';

/** An encoding of bodies, or none. */
export type Encoding = 'none' | 'gzip' | 'br';

const ENCODINGS: Readonly<Record<string, Encoding>> = { gzip: 'gzip', 'x-gzip': 'gzip', deflate: 'gzip', br: 'br' };

/**
 * The encoding that Content-Encoding names, in any case. `identity` is ignored however often it is named (RFC 9110, 8.4.1), and deflate is read
 * like gzip. Throws RequestRefused (415) if it is unknown, or if there are several.
 */
export function encodingOf({ headers }: IncomingMessage): Encoding {
  const said = headers['content-encoding'];
  if (said === undefined) return 'none';
  const names = said
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  if (names.length === 0) return 'none';
  const found = Object.hasOwn(ENCODINGS, names[0] as string) ? ENCODINGS[names[0] as string] : undefined;
  if (found === undefined || names.length > 1)
    throw new RequestRefused(415, 'Content-Encoding must be gzip, deflate, br or none', undefined, {
      reason: 'content_encoding',
    });
  return found;
}

/** The real encoding of a body by its first two bytes; some headers are wrong. No JSON begins like gzip or zlib. */
export function encodingBy(first: number, second: number, said: Encoding): Encoding {
  if (said === 'br') return said;
  if (first === 0x1f && second === 0x8b) return 'gzip';
  if (first === 0x78 && ((first << 8) | second) % 31 === 0) return 'gzip';
  return said === 'gzip' && startsJson(first) ? 'none' : said;
}

/** A brace, a bracket, a blank, or the first byte of a byte order mark. */
const startsJson = (byte: number): boolean =>
  byte === 0x7b || byte === 0x5b || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0xef;

const brotliDecompressed = promisify(brotliDecompress);
/**
 * Decompresses a gzip body in one step, so that a half-read body keeps no windows and buffers. It takes a millisecond at most, like any body of
 * that size. `limit`: most bytes after decompression. Throws RequestRefused: 413 if the result is larger, 400 if the body cannot be read.
 */
export function gunzipped(bytes: Buffer, limit: number): Buffer {
  try {
    return unzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    throw refusal(error, limit);
  }
}

/**
 * The same for brotli, on another thread: 14 bytes of it can take a tenth of a second before the first output, since brotli allocates up to 16
 * MB at a time. Rejects with the errors of `gunzipped`.
 */
export async function unbrotlied(bytes: Buffer, limit: number): Promise<Buffer> {
  try {
    return await brotliDecompressed(bytes, { maxOutputLength: limit });
  } catch (error) {
    throw refusal(error, limit);
  }
}

function refusal(error: unknown, limit: number): RequestRefused {
  if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(limit);
  return new RequestRefused(400, 'the body could not be decompressed or was cut short', undefined, {
    cause: error,
    reason: 'not_decompressed',
  });
}

export const tooLarge = (limit: number): RequestRefused =>
  new RequestRefused(413, `the body must have at most ${limit} bytes; send fewer events at once`);

/**
 * Call this before koa-bodyparser reads a request. The parser knows encodings only in lower case, although any case is valid (RFC 9110, 8.4.1).
 * And once a body is too large it stops listening to the decompression, which goes on: an error there would be unhandled and end the process.
 */
export function prepareDecompression(request: IncomingMessage): void {
  const { 'content-encoding': encoding } = request.headers;
  if (encoding !== undefined) request.headers['content-encoding'] = encoding.toLowerCase();
  const pipe = request.pipe.bind(request);
  request.pipe = (destination, options) => {
    destination.on('error', () => {});
    return pipe(destination, options);
  };
}
