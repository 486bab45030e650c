import type { Gateway } from '../gateway.ts';

/** Restarts a gateway whenever it ends by itself, as a platform does. */
export interface Keeper {
  /** One for each time that it ended by itself. */
  gaps(): readonly Gap[];
  /** Ends it for good, with SIGTERM; gives the exit code. */
  stop(): Promise<number | null>;
}

/** A time with no gateway, or one that is starting, in milliseconds of `performance.now()`. */
export interface Gap {
  readonly endedAt: number;
  /** When the next one was ready, or had ended too; infinite until then. */
  readonly overAt: number;
}

export function keep(start: () => Gateway): Keeper {
  const gaps: Gap[] = [];
  let stopping = false;
  let gateway = start();
  const over = (): void => {
    const last = gaps.pop();
    if (last) gaps.push({ ...last, overAt: Math.min(last.overAt, performance.now()) });
  };
  const watch = async (): Promise<void> => {
    await gateway.exited();
    if (stopping) return;
    over();
    gaps.push({ endedAt: performance.now(), overAt: Number.POSITIVE_INFINITY });
    gateway = start();
    // One that ends before it is ready begins another gap.
    gateway.ready(Number.POSITIVE_INFINITY).then(over, () => {});
    void watch();
  };
  void watch();
  return {
    gaps: () => gaps,
    stop: () => {
      stopping = true;
      return gateway.stop();
    },
  };
}
