import { Agent } from 'node:http';
import { plainShape, plant } from './events.ts';
import { type Entry, journal } from './ledger.ts';
import { layersOrder, post, type Reply } from './post.ts';
import { noise, seeded } from './random.ts';

export interface LoaderOptions {
  readonly run: string;
  /** Servers of the same gateway, used in turn: who gets no answer from one tries the next. */
  readonly ports: readonly number[];
  readonly ledger: string;
  readonly seed: number;
  readonly shops: readonly { readonly shop: string; readonly token: string }[];
  /** Shoppers at once, spread over the shops; each sends its events in order, one request after the other. */
  readonly lanes: number;
  /** Most events in one request; each has from 1 to this many. */
  readonly batch: number;
  /** Events per second, of all lanes together. */
  readonly rate: number;
  /** It ends by itself after this many events of each lane; without it, when it is told to. */
  readonly each?: number;
  /** Events to mark: the place in the first lane. */
  readonly marked?: number;
  /** Whether bodies are sent only when the gateway has confirmed the headers. */
  readonly expectContinue?: boolean;
  /** How long an answer is waited for; as long as `post` does if absent. */
  readonly answerMs?: number;
}

/** How the reason of an entry begins where the gateway had confirmed the headers and gave no answer all the same. */
export const brokenAfterHeaders = 'after the headers had arrived: ';

const retryMs = 50;
const avoidedMs = 500;
const aloneMs = 500;
/** Once told to stop, how long a request that has no answer yet is tried further. */
const lastTriesMs = 15_000;

/**
 * Sends until told to stop, and writes what was sent and what became of it. What got no answer or 503 is sent again, the same.
 * `onSent` is called with how many events have been answered.
 */
export async function runLoader(
  options: LoaderOptions,
  stopping: AbortSignal,
  onSent: (events: number) => void = () => {},
): Promise<void> {
  const { shops, seed } = options;
  const ledger = journal(options.ledger);
  const agent = new Agent({ keepAlive: true, maxSockets: options.lanes });
  const servers = balancerOf(options.ports);
  const lanes = Array.from({ length: options.lanes }, (_, index): Lane => {
    const owner = shops[index % shops.length];
    if (!owner) throw new Error('expected at least one shop, got none');
    const confirmed = options.expectContinue ? { onContinue: () => {} } : {};
    const attempt = async (events: readonly object[]) => {
      const port = servers.next();
      const reply = await post({ port, agent, ...layersOrder(owner.token, events), ...confirmed }, options.answerMs);
      if (isOpen(reply)) servers.avoid(port);
      return reply;
    };
    return {
      name: `lane${index}`,
      shop: owner.shop,
      random: seeded(seed * 1000 + index),
      marked: index === 0 ? options.marked : undefined,
      write: ledger.write,
      attempt,
    };
  });
  // Every shop's first event comes alone and is delivered alone: then the shops' batches look alike and must not be mixed up.
  await Promise.all(lanes.slice(0, shops.length).map((lane) => sendBatch(lane, options.run, 0, 1, stopping)));
  await until(performance.now() + aloneMs);
  let sent = 0;
  const onBatch = (events: number) => {
    sent += events;
    onSent(sent);
  };
  await Promise.all(
    lanes.map((lane, index) => runLane(lane, options, index < shops.length ? 1 : 0, stopping, onBatch)),
  );
  agent.destroy();
  ledger.close();
}

/** Servers in turn, but for a while none that has just given no answer. */
function balancerOf(ports: readonly number[]) {
  const avoided = new Map<number, number>();
  let turn = 0;
  return {
    next(): number {
      const now = performance.now();
      const well = ports.filter((port) => (avoided.get(port) ?? 0) <= now);
      const choice = well.length > 0 ? well : ports;
      turn += 1;
      return choice[turn % choice.length] ?? 0;
    },
    avoid: (port: number) => void avoided.set(port, performance.now() + avoidedMs),
  };
}

interface Lane {
  readonly name: string;
  readonly shop: string;
  readonly random: () => number;
  readonly write: (entry: Entry) => void;
  readonly marked: number | undefined;
  readonly attempt: (events: readonly object[]) => Promise<Reply>;
}

/** All lanes start a request at the same beat, so that a gateway that is killed has many of them half done. */
async function runLane(
  lane: Lane,
  { run, lanes, batch, rate, each = Number.POSITIVE_INFINITY }: LoaderOptions,
  begin: number,
  stopping: AbortSignal,
  onBatch: (events: number) => void,
): Promise<void> {
  const beatMs = ((lanes * (batch + 1)) / 2 / rate) * 1000;
  for (let from = begin; !stopping.aborted && from < each; ) {
    const size = Math.min(1 + Math.floor(lane.random() * batch), each - from);
    await sendBatch(lane, run, from, size, stopping);
    from += size;
    onBatch(size);
    await until(Math.ceil((performance.now() + 1) / beatMs) * beatMs);
  }
}

async function sendBatch(lane: Lane, run: string, from: number, count: number, stopping: AbortSignal): Promise<void> {
  const { name, shop, random, marked, write, attempt } = lane;
  const planted = Array.from({ length: count }, (_, k) =>
    plant(run, shop, name, from + k, noise(random), { ...plainShape(from + k), marked: from + k === marked }),
  );
  const events = planted.map(({ event }) => event);
  const crcs = planted.map(({ mark }) => mark.crc);
  await untilAnswered(stopping, async () => {
    write({ kind: 'sent', shop, lane: name, from, crcs });
    const begin = performance.now();
    const reply = await attempt(events);
    const why = whyOf(reply);
    const retryAfter = 'status' in reply ? reply.headers['retry-after'] : undefined;
    const ms = Math.round(performance.now() - begin);
    write({ kind: kindOf(reply), lane: name, from, count, why, at: Date.now(), ms, retryAfter });
    return !isOpen(reply);
  });
}

async function untilAnswered(stopping: AbortSignal, attempt: () => Promise<boolean>): Promise<void> {
  let stoppedAt: number | undefined;
  while (!(await attempt())) {
    if (stopping.aborted) stoppedAt ??= performance.now();
    if (stoppedAt !== undefined && performance.now() - stoppedAt > lastTriesMs) return;
    await until(performance.now() + retryMs);
  }
}

const kindOf = (reply: Reply): 'acked' | 'refused' | 'unknown' =>
  'status' in reply ? (reply.status >= 200 && reply.status < 300 ? 'acked' : 'refused') : 'unknown';

/** Whether it is to be sent again. */
const isOpen = (reply: Reply): boolean => kindOf(reply) === 'unknown' || whyOf(reply) === '503';

function whyOf(reply: Reply): string {
  if ('status' in reply) return `${reply.status}`;
  if ('unreached' in reply) return reply.unreached;
  return `${reply.continued ? brokenAfterHeaders : ''}${reply.broken}`;
}

const until = (at: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())));

if (process.argv[1] === import.meta.filename) {
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  let told = 0;
  await runLoader(JSON.parse(process.argv[2] ?? '{}') as LoaderOptions, stop.signal, (sent) => {
    if (sent - told < 100) return;
    told = sent;
    process.send?.(sent);
  });
  process.exit(0);
}
