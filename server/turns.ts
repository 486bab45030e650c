/** The requests whose bodies are here, the first come first served. */
export interface Turns {
  /** Resolves when it is the turn of a request that comes at this time (`performance.now()`); at once where nothing waits. */
  next(time: number): Promise<void>;
  /** Milliseconds that the first of them has waited for those before it; 0 where they were too few to wait for. */
  wait(time: number): number;
}

interface Waiting {
  readonly since: number;
  /** How many were before it when it came. */
  readonly ahead: number;
  readonly start: () => void;
}

/**
 * So long requests are begun in one turn of the event loop. Node accepts one connection in each, so a turn that begins everything that has
 * come keeps new clients waiting, and whoever looks after the gateway; a shorter one makes commits smaller, which cost more.
 */
const TURN_MS = 20;
/** Fewer requests than this wait for a machine that stands still, and not for each other: to refuse others for their sake would help nobody. */
const QUEUE = 64;

/** `now`: monotonic, in milliseconds. */
export function createTurns(now: () => number): Turns {
  let waiting: Waiting[] = [];
  /** How many of them have had their turn. */
  let served = 0;
  /** When the first request of this turn of the event loop was begun. */
  let begunAt: number | undefined;

  const begin = (time: number): void => {
    if (begunAt !== undefined) return;
    begunAt = time;
    setImmediate(() => void goOn());
  };
  const goOn = async (): Promise<void> => {
    begunAt = undefined;
    if (served === waiting.length) return;
    const time = now();
    begin(time);
    while (served < waiting.length && now() - time < TURN_MS) {
      waiting[served]?.start();
      served += 1;
      // It does what it can without waiting, and that is most of its work.
      await undefined;
    }
    if (served < waiting.length / 2) return;
    waiting = waiting.slice(served);
    served = 0;
  };
  return {
    next(time) {
      const isFree = served === waiting.length && (begunAt === undefined || time - begunAt < TURN_MS);
      begin(time);
      if (isFree) return Promise.resolve();
      return new Promise((start) => waiting.push({ since: time, ahead: waiting.length - served, start }));
    },
    wait(time) {
      const first = waiting[served];
      return first === undefined || first.ahead < QUEUE ? 0 : time - first.since;
    },
  };
}
