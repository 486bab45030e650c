import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { room } from './stream.ts';

/** Most bytes that are read and written in one turn of the event loop. */
const TURN_BYTES = 128 * 1024;

/**
 * Writes items as NDJSON, one JSON document per line, no faster than the reader takes them. If reading fails in the middle, the connection is
 * cut, so that no reader takes the answer for complete. If the first item cannot be read, throws before `onBegin` is called.
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
    // Otherwise nginx buffers the stream.
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  try {
    let bytes = 0;
    for (; !next.done && !signal.aborted; next = await all.next()) {
      const line = `${JSON.stringify(next.value)}\n`;
      bytes += line.length;
      if (!response.write(line)) await room(response, signal);
      // If the reader is fast, `room` resolves within the same turn, so count the bytes.
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
