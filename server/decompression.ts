import type { IncomingMessage } from 'node:http';

/**
 * To be called before koa-bodyparser reads a request. Once a body is too large, the parser listens no more to its decompression, which
 * still goes on with what it has. An error in that would be heard by nobody, and end the process.
 */
export function hearDecompression(request: IncomingMessage): void {
  const pipe = request.pipe.bind(request);
  request.pipe = (destination, options) => {
    destination.on('error', () => {});
    return pipe(destination, options);
  };
}
