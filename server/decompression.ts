import type { IncomingMessage } from 'node:http';
import { brotliDecompressSync, constants, unzipSync } from 'node:zlib';
import { RequestRefused } from '../adapters/dialects/dialect.ts';

/** An encoding of bodies, or none. */
export type Encoding = 'none' | 'gzip' | 'br';

/** What Content-Encoding says, in any case (RFC 9110, 8.4.1); deflate is read as gzip is. Throws RequestRefused (415) where it is unknown. */
export function encodingOf({ headers }: IncomingMessage): Encoding {
  switch (headers['content-encoding']?.toLowerCase()) {
    case undefined:
    case 'identity':
      return 'none';
    case 'gzip':
    case 'deflate':
      return 'gzip';
    case 'br':
      return 'br';
    default:
      throw new RequestRefused(415, 'Content-Encoding must be gzip, deflate, br or none');
  }
}

/**
 * A compressed body in one step, so that no half-read one keeps windows and buffers. `limit` is the most bytes that may come out. `isPart` reads as
 * much as is here of a body that still comes. Throws RequestRefused: 413 where it is larger, 400 where it cannot be read.
 */
export function decompressed(bytes: Buffer, encoding: 'gzip' | 'br', limit: number, isPart = false): Buffer {
  try {
    const most = { maxOutputLength: limit };
    return encoding === 'br'
      ? brotliDecompressSync(bytes, { ...most, ...(isPart && { finishFlush: constants.BROTLI_OPERATION_FLUSH }) })
      : unzipSync(bytes, { ...most, ...(isPart && { finishFlush: constants.Z_SYNC_FLUSH }) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit);
    throw new RequestRefused(400, 'the body could not be decompressed or was cut short', undefined, { cause: error });
  }
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
