import type { ServerResponse } from 'node:http';
import { room } from './stream.ts';

/**
 * Writes items as NDJSON, one JSON document a line, each as it is read, and takes the next only when the reader has room for it. An answer
 * that cannot be finished is cut off, so that no reader takes it for whole. Throws before `onBegin` is called where the first
 * item cannot be read.
 */
export async function writeLines(
  items: AsyncIterable<unknown>,
  response: ServerResponse,
  signal: AbortSignal,
  onBegin: () => void,
): Promise<void> {
  const all = items[Symbol.asyncIterator]();
  let next = await all.next();
  onBegin();
  response.writeHead(200, {
    'Content-Type': 'application/x-ndjson; charset=utf-8',
    // nginx would collect the stream before passing it on.
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  try {
    for (; !next.done && !signal.aborted; next = await all.next()) {
      if (!response.write(`${JSON.stringify(next.value)}\n`)) await room(response, signal);
    }
    if (next.done) response.end();
  } finally {
    if (!next.done) {
      response.destroy();
      await all.return?.();
    }
  }
}
