import { Agent } from 'node:http';
import { layersOrder, post } from '../post.ts';
import { pause } from '../random.ts';

/** What one shop has sent, by the number in the event's id: small enough for millions. */
export class Sent {
  readonly shop: string;
  readonly token: string;
  /** How many plain events were numbered, and which of them are acknowledged. */
  count = 0;
  readonly acked: Uint8Array;
  /** Of a type that no contract knows: those that were answered 2xx. */
  readonly refused = new Set<string>();

  constructor(shop: string, token: string, most: number) {
    this.shop = shop;
    this.token = token;
    this.acked = new Uint8Array(most);
  }

  idOf(n: number): string {
    return `u${n}`;
  }
}

/** How often an event goes into the cart, and how often a request has an event that is refused. */
const CART_EVERY = 200;
const REFUSED_EVERY = 10;
/** One less than a request may have, since a refused one comes on top. */
const PER_REQUEST = 99;
const AT_ONCE = 12;
const AGAIN_MS = 100;
export const CUSTOM = 'stars_counted';

export const isCart = (n: number): boolean => n % CART_EVERY === 0;

const eventOf = (id: string, n: number, type = isCart(n) ? 'add_to_cart' : 'product_view') => ({
  event_id: id,
  event_type: type,
  timestamp: new Date().toISOString(),
  session_id: `s${n % 5000}`,
  product_id: 7_000_000 + (n % 1000),
});

export interface Crowd {
  /** Sends this many new events of a shop, each until it has its 2xx. */
  send(sent: Sent, events: number, port: number): Promise<void>;
  /** Sends this many known ones again; gives how many of them were called repeats. */
  again(sent: Sent, events: number, port: number): Promise<number>;
  close(): void;
}

export function crowd(): Crowd {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const insist = async (sent: Sent, events: readonly object[], port: number) => {
    for (;;) {
      const reply = await post({ port, agent, ...layersOrder(sent.token, events) }, 60_000);
      if ('status' in reply && reply.status < 300) return reply.headers;
      if ('status' in reply && reply.status < 500) throw new Error(`expected 2xx, got ${JSON.stringify(reply)}`);
      await pause(AGAIN_MS);
    }
  };
  const request = async (sent: Sent, from: number, to: number, port: number) => {
    const events = Array.from({ length: to - from }, (_, i) => eventOf(sent.idOf(from + i), from + i));
    const isRefused = (from / PER_REQUEST) % REFUSED_EVERY === 0;
    const refused = `bad-${from}`;
    if (isRefused) events.push(eventOf(refused, from, CUSTOM));
    await insist(sent, events, port);
    sent.acked.fill(1, from, to);
    if (isRefused) sent.refused.add(refused);
  };
  return {
    async send(sent, events, port) {
      const end = sent.count + events;
      const next = async () => {
        while (sent.count < end) {
          const from = sent.count;
          const to = Math.min(end, from + PER_REQUEST);
          sent.count = to;
          await request(sent, from, to, port);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, next));
    },
    async again(sent, events, port) {
      let repeats = 0;
      const step = Math.max(1, Math.floor(sent.count / events));
      const known = Array.from({ length: events }, (_, i) => i * step).filter((n) => sent.acked[n] === 1);
      for (let i = 0; i < known.length; i += PER_REQUEST) {
        const some = known.slice(i, i + PER_REQUEST);
        const headers = await insist(
          sent,
          some.map((n) => eventOf(sent.idOf(n), n)),
          port,
        );
        repeats += Number(headers['x-events-duplicate'] ?? 0);
      }
      return repeats;
    },
    close: () => agent.destroy(),
  };
}
