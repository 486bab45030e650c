import { onAbort } from '../../adapters/on-abort.ts';

/** Time as an argument: tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds for measuring intervals: they grow evenly, also if the clock is set. */
  steady(): number;
  /** Resolves after `ms` milliseconds, or as soon as the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        end();
        resolve();
      };
      const timer = setTimeout(done, ms);
      const end = onAbort(signal, done);
    }),
};

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 3_600_000;

/**
 * The time for ageing what is kept, in milliseconds since 1970. If the clock is set forward while this process runs, that is believed only
 * after a day, so that nothing is dropped because of a wrong clock. If it is set back, that is believed at once.
 */
export function ageing(clock: Pick<Clock, 'now' | 'steady'>): () => number {
  let offset = clock.now() - clock.steady();
  let agreedAt = clock.steady();
  return () => {
    const time = clock.steady();
    const ahead = clock.now() - time - offset;
    if (ahead <= MINUTE_MS || time - agreedAt >= DAY_MS) {
      offset += ahead;
      agreedAt = time;
    }
    return time + offset;
  };
}

/** Resolves when a signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else onAbort(signal, resolve);
  });
}

/** Whether an error comes from an aborted signal. */
export const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';
