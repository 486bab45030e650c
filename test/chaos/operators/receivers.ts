import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { closed, listening } from '../listen.ts';
import { seeded } from '../random.ts';
import { type Delivery, now, type Scribe } from './history.ts';

/** How a receiver treats its requests, in parts of one. */
interface Mood {
  /** Events that it refuses with 400, until it has refused them so often. */
  readonly dislikes: number;
  readonly fails: number;
  readonly hangs: number;
  /** Most milliseconds before an answer. */
  readonly slowMs: number;
}

const WELL: Mood = { dislikes: 0, fails: 0, hangs: 0, slowMs: 0 };
const MOODS: Readonly<Record<string, Mood>> = {
  // Of several lanes some lag behind the others, so that much is delivered ahead of the cursor.
  hook: { dislikes: 0, fails: 0.05, hangs: 0.03, slowMs: 120 },
  // One event a request: refusals become dead letters at once.
  moody: { dislikes: 0.06, fails: 0.02, hangs: 0.004, slowMs: 12 },
  choosy: { dislikes: 0, fails: 0.03, hangs: 0.01, slowMs: 60 },
};
const USUAL: Mood = { dislikes: 0.02, fails: 0.03, hangs: 0.01, slowMs: 40 };
/** Outages: how long each takes, and how often one comes. */
const OUTAGE = { everyMs: 7000, forMs: 1500 } as const;

export interface Receivers {
  readonly port: number;
  /** From now on every request is taken at once. */
  recover(): void;
  close(): Promise<void>;
}

/** What a receiver answers to a request; undefined leaves it to its mood. */
export type Fate = (delivery: Delivery) => Promise<200 | 400 | 500> | undefined;

/** All destinations in one place. What is decided and when is written down before the answer goes out. */
export async function openReceivers(
  port: number,
  seed: number,
  history: Scribe,
  fateOf: Fate = () => undefined,
): Promise<Receivers> {
  const random = seeded(seed);
  const refusals = new Map<string, number>();
  const waiting = new Set<NodeJS.Timeout>();
  let well = false;
  const began = now();
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const begunAt = now();
    const address = request.url ?? '';
    const { data } = JSON.parse(await text(request)) as Body;
    const delivery: Delivery = {
      number: history.deliveries.length + 1,
      address,
      shop: data.shop,
      pipeline: data.pipeline,
      webhookId: String(request.headers['webhook-id']),
      ids: data.events.map(({ event_id }) => event_id),
      begunAt,
    };
    history.deliveries.push(delivery);
    // Which comes first is the only thing that counts: a whole answer, or the end of the connection.
    response.once('finish', () => ended(delivery, true));
    response.once('close', () => ended(delivery, false));
    const planned = await fateOf(delivery);
    if (planned !== undefined) return response.destroyed ? undefined : answer(delivery, response, planned);
    const mood = well ? WELL : (MOODS[address.split('/')[2] ?? ''] ?? USUAL);
    const [fate, slow] = [random(), random() * mood.slowMs];
    if (slow > 0) await held(slow / 2);
    if (response.destroyed) return;
    const isOut = !well && (begunAt - began + outageOf(address)) % OUTAGE.everyMs < OUTAGE.forMs;
    if (isOut || fate < mood.fails) return answer(delivery, response, 500);
    if (fate < mood.fails + mood.hangs) {
      delivery.answer = 'hang';
      return;
    }
    if (delivery.ids.some((id) => isDisliked(`${address.split('/')[2]}#${id}`, mood.dislikes)))
      return answer(delivery, response, 400);
    // Taken, and not told yet.
    delivery.answer = 200;
    if (slow > 0) await held(slow / 2);
    if (!response.destroyed) answer(delivery, response, 200);
  };
  const ended = (delivery: Delivery, whole: boolean) => {
    if (delivery.endedAt !== undefined) return;
    delivery.endedAt = now();
    delivery.whole = whole;
    history.note('delivery', delivery);
  };
  const answer = (delivery: Delivery, response: ServerResponse, status: 200 | 400 | 500) => {
    delivery.answer = status;
    response.writeHead(status).end();
  };
  const isDisliked = (name: string, share: number): boolean => {
    const times = refusals.get(name) ?? 0;
    // The first time by its name, and then by chance: what was refused may be taken when it is tried again.
    const dislikes = times === 0 ? hashOf(name) < share : times < 4 && random() < 0.4;
    if (dislikes) refusals.set(name, times + 1);
    return dislikes && share > 0;
  };
  const held = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        waiting.delete(timer);
        resolve();
      }, ms);
      waiting.add(timer);
    });
  const server = createServer((request, response) => void take(request, response).catch(() => response.destroy()));
  await listening(server, port);
  return {
    port,
    recover: () => {
      well = true;
    },
    close: async () => {
      for (const timer of waiting) clearTimeout(timer);
      await closed(server);
    },
  };
}

interface Body {
  readonly data: {
    readonly shop: string;
    readonly pipeline: string;
    readonly events: readonly { readonly event_id: string }[];
  };
}

/** From 0 to 1, the same for the same text. */
function hashOf(text: string): number {
  let hash = 2166136261;
  for (const letter of text) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}

const outageOf = (address: string): number => hashOf(address.split('/').slice(1, 3).join('/')) * OUTAGE.everyMs;
