import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { onAbort } from '../../adapters/on-abort.ts';
import type { TailLine } from '../../schemas/admin-api/tail.ts';
import type { Clock } from '../base/clock.ts';

const HEARTBEAT_MS = 15_000;

/**
 * Writes lines as server-sent events until they end or the signal aborts, then ends the answer. It takes the next line only when the reader has
 * room, so a slow reader costs no memory. Comments at intervals keep proxies from closing the connection.
 */
export async function writeEvents(
  lines: AsyncIterable<TailLine>,
  response: ServerResponse,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    // Otherwise nginx buffers the stream.
    'X-Accel-Buffering': 'no',
  });
  response.write(': open\n\n');
  const ended = new AbortController();
  const end = () => ended.abort();
  const ignore = onAbort(signal, end);
  const beating = beat(response, clock, ended.signal);
  try {
    for await (const line of lines) {
      if (signal.aborted) break;
      if (!response.write(frame(line))) await room(response, signal);
    }
  } finally {
    end();
    ignore();
    response.end();
    await beating;
  }
}

const frame = (line: TailLine): string => `event: ${line.kind}\ndata: ${JSON.stringify(line)}\n\n`;

/** Waits until the reader has room again or the signal aborts. */
export async function room(response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal });
  } catch {
    // The reader left or the process stops; the caller checks the signal.
  }
}

async function beat(response: ServerResponse, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(HEARTBEAT_MS, signal);
    if (!signal.aborted && !response.writableNeedDrain) response.write(': still here\n\n');
  }
}
