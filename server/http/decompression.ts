import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, unzipSync } from 'node:zlib';
import { RequestRefused } from '../../adapters/dialects/dialect.ts';

/** An encoding of bodies, or none. */
export type Encoding = 'none' | 'gzip' | 'br';

const ENCODINGS: Readonly<Record<string, Encoding>> = { gzip: 'gzip', 'x-gzip': 'gzip', deflate: 'gzip', br: 'br' };

/**
 * What Content-Encoding says, in any case and with `identity` as often as it likes (RFC 9110, 8.4.1); deflate is read as gzip is. Throws
 * RequestRefused (415) where it is unknown, or there is more than one.
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

/** The encoding of a body by its first two bytes, where these tell more than its header: no JSON begins as gzip and zlib do, and they not as JSON. */
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
 * A body of gzip in one step, so that no half-read one keeps windows and buffers; that takes time as what comes out does, a millisecond at most. `limit`
 * is the most bytes that may come out. Throws RequestRefused: 413 where it is larger, 400 where it cannot be read.
 */
export function gunzipped(bytes: Buffer, limit: number): Buffer {
  try {
    return unzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    throw refusal(error, limit);
  }
}

/**
 * The same of brotli, on another thread: 14 bytes of it can take a tenth of a second before the first byte comes out, since up to 16 MB are made at
 * a time. Rejects as `gunzipped` throws.
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
 * To be called before koa-bodyparser reads a request. The parser knows encodings in lower case, and they are named in any
 * (RFC 9110, 8.4.1). Once a body is too large, it listens no more to its decompression, which still goes on with what it has: an error
 * in that would be heard by nobody, and end the process.
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
