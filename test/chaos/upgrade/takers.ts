import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { closed, listening } from '../listen.ts';
import { pause } from '../random.ts';

/** What a pipeline's destination has taken, by the number in the event's id. */
export interface Taken {
  readonly times: Uint8Array;
  /** Others, such as those that were refused at first. */
  readonly named: Map<string, number>;
  /** Events, repeats included. */
  events: number;
}

export interface Takers {
  readonly port: number;
  /** By `shop/pipeline` as the body of the request names it. */
  of(key: string): Taken;
  /** Refuses one in this many events with 400, none if 0. */
  refuseEvery: number;
  /** Holds back each request of a replay this long. */
  replayHoldMs: number;
  /** Pipelines that are answered 503. */
  readonly away: Set<string>;
  close(): Promise<void>;
}

/** Where all events go. Counts, since of millions nothing more can be kept. */
export async function openTakers(port: number, most: number): Promise<Takers> {
  const all = new Map<string, Taken>();
  const of = (key: string): Taken => {
    const found = all.get(key) ?? { times: new Uint8Array(most), named: new Map<string, number>(), events: 0 };
    all.set(key, found);
    return found;
  };
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const { data } = JSON.parse(await text(request)) as Body;
    const key = `${data.shop}/${data.pipeline}`;
    if (takers.away.has(key)) return response.writeHead(503).end();
    if (takers.replayHoldMs > 0 && /-r\d+$/.test(data.pipeline)) await pause(takers.replayHoldMs);
    if (response.destroyed) return;
    const numbers = data.events.map(({ event_id }) => (/^u\d+$/.test(event_id) ? Number(event_id.slice(1)) : -1));
    const isRefused = data.pipeline === REFUSED && takers.refuseEvery > 0;
    if (isRefused && numbers.some((n) => (n / 200) % takers.refuseEvery === 0)) return response.writeHead(400).end();
    const taken = of(key);
    taken.events += numbers.length;
    for (const [i, n] of numbers.entries()) {
      if (n >= 0) taken.times[n] = Math.min(255, (taken.times[n] ?? 0) + 1);
      else {
        const id = data.events[i]?.event_id ?? '';
        taken.named.set(id, (taken.named.get(id) ?? 0) + 1);
      }
    }
    response.writeHead(200).end();
  };
  const server = createServer((request, response) => void take(request, response).catch(() => response.destroy()));
  await listening(server, port);
  const takers: Takers = {
    port,
    of,
    refuseEvery: 3,
    replayHoldMs: 0,
    away: new Set(),
    close: () => closed(server),
  };
  return takers;
}

/** The pipeline whose destination refuses. */
export const REFUSED = 'carts';

interface Body {
  readonly data: {
    readonly shop: string;
    readonly pipeline: string;
    readonly events: readonly { readonly event_id: string }[];
  };
}
