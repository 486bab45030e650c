import type { IncomingMessage } from 'node:http';

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
