import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { room } from './stream.ts';

/** Read and written in one turn. */
const TURN_BYTES = 128 * 1024;

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
    let bytes = 0;
    for (; !next.done && !signal.aborted; next = await all.next()) {
      const line = `${JSON.stringify(next.value)}\n`;
      bytes += line.length;
      if (!response.write(line)) await room(response, signal);
      // A fast reader makes room within the same turn.
      if (bytes < TURN_BYTES) continue;
      bytes = 0;
      await nextTurn();
    }
    if (next.done) response.end();
  } finally {
    if (!next.done) {
      response.destroy();
      await all.return?.();
    }
  }
}
