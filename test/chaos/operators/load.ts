import { Agent } from 'node:http';
import { isCart, plant } from '../events.ts';
import { layersOrder, post } from '../post.ts';
import { noise, pause, seeded } from '../random.ts';
import { now, type Scribe, type Sent } from './history.ts';

export interface LoadOptions {
  readonly run: string;
  readonly seed: number;
  readonly port: number;
  readonly shops: readonly { readonly shop: string; readonly token: string }[];
  /** Events per second and shop. */
  readonly rate: number;
  readonly history: Scribe;
}

/** Of a type that no contract knows. */
export const CUSTOM = 'stars_counted';
const BEAT_MS = 100;
const CUSTOM_EVERY = 8;
const SHOPPERS = 12;

/** Sends to every shop until told to stop, and tries again until each request has its 2xx. */
export function startLoad(options: LoadOptions): { stop(): Promise<void> } {
  let stopping = false;
  const all = options.shops.map((_, index) => runShop(options, index, () => stopping));
  return {
    stop: async () => {
      stopping = true;
      await Promise.all(all);
    },
  };
}

async function runShop(options: LoadOptions, index: number, stopping: () => boolean): Promise<void> {
  const { run, seed, shops, rate, history } = options;
  const owner = shops[index];
  if (owner === undefined) return;
  const random = seeded(seed * 100 + index);
  const agent = new Agent({ keepAlive: true });
  const perBeat = Math.max(1, Math.round((rate * BEAT_MS) / 1000));
  const open: Promise<void>[] = [];
  for (let beat = 0; !stopping(); beat += 1) {
    const begin = performance.now();
    const planted = Array.from({ length: perBeat }, (_, k) => {
      const n = beat * perBeat + k;
      // Each shopper has an own lane, and only this many are there at a time.
      return plant(`${run}-${index}`, owner.shop, `s${n % SHOPPERS}`, n, noise(random)).event as Planted;
    });
    open.push(send(options, agent, owner, planted, false));
    if (beat % CUSTOM_EVERY === 0) {
      const [first] = planted;
      if (first) {
        const custom = { ...first, event_id: `${run}-${index}-custom-${beat}`, event_type: CUSTOM };
        open.push(send(options, agent, owner, [custom], true));
      }
    }
    history.note('load', { shop: owner.shop, from: beat * perBeat, events: perBeat });
    await pause(begin + BEAT_MS - performance.now());
  }
  await Promise.all(open);
  agent.destroy();
}

export interface Planted {
  readonly event_id: string;
}

const AGAIN_MS = 60;

/** Sends events in one request until that has its 2xx. */
export async function send(
  { port, history }: Pick<LoadOptions, 'port' | 'history'>,
  agent: Agent,
  { shop, token }: { readonly shop: string; readonly token: string },
  events: readonly Planted[],
  isCustom: boolean,
): Promise<void> {
  const sent = events.map(
    ({ event_id: id }): Sent => ({ id, shop, isCustom, isCart: !isCustom && isCart(id), at: now() }),
  );
  for (const one of sent) history.sent.set(one.id, one);
  for (;;) {
    const reply = await post({ port, agent, ...layersOrder(token, events) });
    if ('status' in reply && reply.status < 300) break;
    if ('status' in reply && reply.status !== 503) history.note('answer', { shop, reply });
    await pause(AGAIN_MS);
  }
  const at = now();
  for (const one of sent) one.ackedAt = at;
}
