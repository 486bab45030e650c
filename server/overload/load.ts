import { RequestRefused } from '../../adapters/dialects/dialect.ts';
import type { Priority } from '../../adapters/dialects/priority.ts';
import { type BodyBudget, createBodyBudget } from './body-budget.ts';
import { type CurrentPressure, type Pressure, type Shortage, worse } from './pressure.ts';
import { createRequestQueue } from './request-queue.ts';
import { createSideWork, type SideWork } from './side-work.ts';

/** How loaded the gateway is, and what it refuses. */
export interface Load {
  /** What is refused of a request that arrives at `time` for this shop, and why. `time`: from `now`. Takes about a microsecond. */
  currentPressure(time: number, shop?: string): CurrentPressure;
  /** The memory for bodies. */
  readonly bodies: BodyBudget;
  /** For work that would block the event loop. */
  readonly sideWork: SideWork;
  /** Resolves when a complete request of this shop may begin. */
  enter(shop?: string): Promise<void>;
  /** Counts a refusal and gives its error. `any`: refused before its body was looked at. */
  refusal(shortage: Shortage, priority: Priority | 'any'): Overloaded;
  /** Resolves when a delayed refusal may be sent; at once if the gateway is stopping. */
  delayRefusal(): Promise<void>;
  /** What has been short in the last seconds; undefined if nothing was refused. */
  shedding(): Shortage | undefined;
}

export interface LoadOptions {
  /** Most bytes of bodies, of all requests together. */
  readonly maxBytes: number;
  readonly disk: () => Pressure;
  /** How long a refusal is delayed; up to three times as long when there are many. */
  readonly refusalDelayMs?: number;
  /** Once aborted, nothing is delayed any more. */
  readonly stopping?: AbortSignal;
  readonly onRefusal: (shortage: Shortage, priority: Priority | 'any') => void;
  /** Called with the first refusal, and then at most once a minute. */
  readonly onShortage: (shortage: Shortage) => void;
  /** Monotonic, in milliseconds. */
  readonly now?: () => number;
}

/** The gateway cannot take the request now. */
export class Overloaded extends RequestRefused {
  /** For Retry-After. */
  readonly seconds: number;
  /** Whether the answer is delayed. */
  readonly isDelayed: boolean;
  constructor(seconds: number, isDelayed: boolean) {
    super(503, `the gateway has more to do than it can now: send it again in ${seconds} s`);
    this.seconds = seconds;
    this.isDelayed = isDelayed;
  }
}

/** Above these waits of the oldest request in the queue browse events are refused, and then everything. */
const BROWSE_REFUSED_MS = 1000;
const ALL_REFUSED_MS = 5000;
/**
 * How long a refusal is delayed when CPU or memory is short. Refusing costs a third of the work that it saves, and a waiting client cannot
 * retry, so refusals never use up the time in which events could be taken.
 */
const REFUSAL_DELAY_MS = 5000;
/** Above this many delayed refusals the delay grows, so that at most 100 clients a second retry. */
const DELAYED_WITHOUT_GROWTH = 500;
const MOST_GROWTH = 3;
/** Above this many, refusals are sent at once: clients that pipeline requests must not fill the memory with delayed ones. */
const MOST_DELAYED = 10_000;
/** How long after a refusal `shedding` reports it. */
const RECENT_MS = 2 * REFUSAL_DELAY_MS;
const MINUTE_MS = 60_000;

/** Decides what is refused under overload. What is accepted is answered while its client still waits. */
export function createLoad(options: LoadOptions): Load {
  const { maxBytes, disk, onRefusal, onShortage, stopping, now = () => performance.now() } = options;
  const { refusalDelayMs = REFUSAL_DELAY_MS } = options;
  const bodies = createBodyBudget(maxBytes, now);
  const queue = createRequestQueue(now);
  const delayed = createDelays(stopping);
  let refusedAt = Number.NEGATIVE_INFINITY;
  let toldAt = Number.NEGATIVE_INFINITY;
  let latest: Shortage = 'delay';
  let refusals = 0;
  return {
    bodies,
    sideWork: createSideWork(),
    enter: (shop) => queue.enter(now(), shop),
    currentPressure(time, shop) {
      const byDisk: CurrentPressure = { pressure: disk(), shortage: 'disk' };
      const byMemory: CurrentPressure = { pressure: bodies.pressure(time, shop), shortage: 'memory' };
      const byDelay: CurrentPressure = { pressure: pressureOf(queue.oldestWaitMs(time, shop)), shortage: 'delay' };
      return worse(worse(byDisk, byMemory), byDelay);
    },
    refusal(shortage, priority) {
      const time = now();
      refusedAt = time;
      latest = shortage;
      onRefusal(shortage, priority);
      if (time - toldAt >= MINUTE_MS) {
        toldAt = time;
        onShortage(shortage);
      }
      refusals += 1;
      // Refusals for the disk need no delay: they do not fill it.
      const answers = shortage === 'disk' ? SENT_AT_ONCE : SENT_DELAYED;
      return answers[refusals % answers.length] as Overloaded;
    },
    delayRefusal: async () => {
      const count = delayed.count();
      if (count >= MOST_DELAYED) return;
      await delayed.wait(refusalDelayMs * Math.min(MOST_GROWTH, Math.max(1, count / DELAYED_WITHOUT_GROWTH)));
    },
    shedding: () => (now() - refusedAt < RECENT_MS ? latest : undefined),
  };
}

function pressureOf(waitMs: number): Pressure {
  if (waitMs <= BROWSE_REFUSED_MS) return 'none';
  return waitMs <= ALL_REFUSED_MS ? 'browse' : 'all';
}

/** Waits that all end when the gateway stops. */
function createDelays(stopping?: AbortSignal) {
  const waiting = new Map<NodeJS.Timeout, () => void>();
  stopping?.addEventListener('abort', () => {
    for (const [timer, resolve] of waiting) {
      clearTimeout(timer);
      resolve();
    }
  });
  return {
    count: () => waiting.size,
    async wait(ms: number): Promise<void> {
      if (stopping?.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          waiting.delete(timer);
          resolve();
        }, ms);
        waiting.set(timer, resolve);
      });
    },
  };
}

/** Errors are created once: creating one costs more than the rest of a refusal. Their seconds differ, so that clients do not all return at once. */
const SECONDS = [2, 3, 4, 5];
const SENT_DELAYED = SECONDS.map((seconds) => new Overloaded(seconds, true));
const SENT_AT_ONCE = SECONDS.map((seconds) => new Overloaded(seconds, false));
