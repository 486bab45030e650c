import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { recognise } from './events.ts';
import type { Received } from './judge.ts';
import { journal } from './ledger.ts';

/** One line of a sink's record: an event, or a request that was none. */
export type Arrival =
  | (Received & { readonly at: number })
  | { readonly destination: string; readonly unreadable: string };

export interface SinkOptions {
  readonly port: number;
  readonly record: string;
  /** How long each request is held, so that a kill meets deliveries that are half done. */
  readonly holdMs: number;
  /** Answer every so many requests with 500, after recording them: a legitimate cause of duplicates. 0 = never. */
  readonly failEvery: number;
}

/**
 * A destination that writes down every event before it answers. The path of the request, without the first slash, names it.
 * One request is held after it is written down, the next before: if its sender dies meanwhile, the first has arrived and will
 * be repeated, and the second has not, so a sender that counted it as delivered has lost it.
 */
export function startSink({ port, record, holdMs, failEvery }: SinkOptions): Promise<Server> {
  const { write } = journal(record);
  let requests = 0;
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    requests += 1;
    const turn = requests;
    const body = await text(request);
    if (turn % 2 === 0) await held(holdMs);
    if (request.socket.destroyed) return;
    write(...arrivals(body, request.url?.slice(1) ?? '', { id: String(request.headers['webhook-id']), request: turn }));
    if (turn % 2 === 1) await held(holdMs);
    response.statusCode = failEvery > 0 && turn % failEvery === 0 ? 500 : 200;
    response.end();
  };
  // A request that its sender cut off is no arrival.
  const server = createServer((request, response) => void take(request, response).catch(() => response.destroy()));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

const held = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function arrivals(body: string, destination: string, delivery: { id: string; request: number }): Arrival[] {
  try {
    const { data } = JSON.parse(body) as { data: { events: unknown[] } };
    const at = Date.now();
    return data.events.map((event) => ({ ...recognise(event), destination, delivery, at }));
  } catch (error) {
    return [{ destination, unreadable: `${destination} ${delivery.id}: ${error}: ${body.slice(0, 200)}` }];
  }
}

if (process.argv[1] === import.meta.filename) {
  await startSink(JSON.parse(process.argv[2] ?? '{}') as SinkOptions);
  process.send?.('listening');
}
