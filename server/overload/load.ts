import { RequestRefused } from '../../adapters/dialects/dialect.ts';
import type { Priority } from '../../adapters/dialects/priority.ts';
import { createInHand, type InHand } from './in-hand.ts';
import type { Pressure } from './pressure.ts';
import { createSideWork, type SideWork } from './side-work.ts';
import { createTurns } from './turns.ts';

/** What there is too little of: processor time, memory for bodies, room on the disk, connections. */
export type Shortage = 'delay' | 'memory' | 'disk' | 'connections';

/** What the gateway can take in now. */
export interface Load {
  /** What is refused of what comes at this time (`performance.now()`) for this shop, and why. Asked with each request, for a microsecond. */
  strain(time: number, shop?: string): Strain;
  /** The bodies that are being received, or wait for their answer. */
  readonly inHand: InHand;
  /** For what would hold up the event loop. */
  readonly side: SideWork;
  /** Resolves when it is the turn of a request of this shop whose body is here. */
  turn(shop?: string): Promise<void>;
  /** Counts a refusal and gives what the client is told. */
  shed(shortage: Shortage, priority: Priority | 'any'): Overloaded;
  /** Resolves when a refusal is to be sent, or at once where the gateway is stopping. */
  holdBack(): Promise<void>;
  /** Why something was refused in the last seconds; undefined where nothing was. */
  sheddingFor(): Shortage | undefined;
}

export interface Strain {
  readonly pressure: Pressure;
  readonly shortage: Shortage;
}

export interface LoadOptions {
  /** Most bytes of bodies in hand. */
  readonly maxBytes: number;
  readonly disk: () => Pressure;
  /** How long a refusal is held back, in milliseconds; up to three times as long where many are. */
  readonly heldMs?: number;
  /** Nothing is held back any more. */
  readonly stopping?: AbortSignal;
  readonly onShed: (shortage: Shortage, priority: Priority | 'any') => void;
  /** Called with the first refusal, and then at most once a minute. */
  readonly onShedding: (shortage: Shortage) => void;
  /** Monotonic, in milliseconds. */
  readonly now?: () => number;
}

/** The answer to what cannot be taken now. */
export class Overloaded extends RequestRefused {
  readonly seconds: number;
  /** Whether it is sent only after a while. */
  readonly isHeld: boolean;
  constructor(seconds: number, isHeld: boolean) {
    super(503, `the gateway has more to do than it can now: send it again in ${seconds} s`);
    this.seconds = seconds;
    this.isHeld = isHeld;
  }
}

/** Milliseconds that the first request has waited for its turn, past which browse events are refused, and past which everything is. */
const LIMITS = { browse: 1000, all: 5000 } as const;
/**
 * So long a refusal is held back where time or memory is short. Even a refusal costs a part of the work that it saves; who is held
 * sends nothing meanwhile, so refusals never take the time in which something could be done.
 */
const HELD_MS = 5000;
/** Of more than so many at a time each is held longer, so that not more than 100 a second come again. */
const HELD_WELL = 500;
const LONGER_AT_MOST = 3;
/** More are answered at once: who sends on without waiting for answers is not to fill the memory with refusals. */
const MOST_HELD = 10_000;
const LEVELS: Readonly<Record<Pressure, number>> = { none: 0, browse: 1, all: 2 };
/** So long after one it is told and remembered that there was an overload. */
const RECENT_MS = 2 * HELD_MS;
const MINUTE = 60_000;

/**
 * Decides what is refused where more comes than can be done. Requests wait for their turn; past some time those that come are refused,
 * so that the others are answered while somebody still waits for it.
 */
export function createLoad(options: LoadOptions): Load {
  const { maxBytes, disk, onShed, onShedding, heldMs = HELD_MS, stopping, now = () => performance.now() } = options;
  const inHand = createInHand(maxBytes, now);
  const turns = createTurns(now);
  const held = holdings(stopping);
  let shedAt = Number.NEGATIVE_INFINITY;
  let toldAt = Number.NEGATIVE_INFINITY;
  let latest: Shortage = 'delay';
  let refusals = 0;
  return {
    inHand,
    side: createSideWork(),
    turn: (shop) => turns.next(now(), shop),
    strain(time, shop) {
      const byDisk: Strain = { pressure: disk(), shortage: 'disk' };
      const byMemory: Strain = { pressure: inHand.pressure(time, shop), shortage: 'memory' };
      const byDelay: Strain = { pressure: pressureOf(turns.wait(time, shop)), shortage: 'delay' };
      return worse(worse(byDisk, byMemory), byDelay);
    },
    shed(shortage, priority) {
      const time = now();
      shedAt = time;
      latest = shortage;
      onShed(shortage, priority);
      if (time - toldAt >= MINUTE) {
        toldAt = time;
        onShedding(shortage);
      }
      refusals += 1;
      // A disk is no fuller for requests that are refused at once.
      const answers = shortage === 'disk' ? AT_ONCE : HELD;
      return answers[refusals % answers.length] as Overloaded;
    },
    holdBack: async () => {
      if (held.size() < MOST_HELD)
        await held.wait(heldMs * Math.min(LONGER_AT_MOST, Math.max(1, held.size() / HELD_WELL)));
    },
    sheddingFor: () => (now() - shedAt < RECENT_MS ? latest : undefined),
  };
}

function pressureOf(waitMs: number): Pressure {
  if (waitMs <= LIMITS.browse) return 'none';
  return waitMs <= LIMITS.all ? 'browse' : 'all';
}

/** The first where they are alike. */
const worse = (a: Strain, b: Strain): Strain => (LEVELS[b.pressure] > LEVELS[a.pressure] ? b : a);

/** Waits that all end when it stops. */
function holdings(stopping?: AbortSignal) {
  const waiting = new Map<NodeJS.Timeout, () => void>();
  stopping?.addEventListener('abort', () => {
    for (const [timer, resolve] of waiting) {
      clearTimeout(timer);
      resolve();
    }
  });
  return {
    size: () => waiting.size,
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

/** Made once: an error costs more than all else of a refusal. They differ, so that clients do not come back all at once. */
const HELD = [2, 3, 4, 5].map((seconds) => new Overloaded(seconds, true));
const AT_ONCE = [2, 3, 4, 5].map((seconds) => new Overloaded(seconds, false));
