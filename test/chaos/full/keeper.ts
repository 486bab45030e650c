import type { Gateway } from '../gateway.ts';

/** Restarts a gateway whenever it ends by itself, as a platform does. */
export interface Keeper {
  /** How often it ended by itself. */
  restarts(): number;
  /** Ends it for good, with SIGTERM; gives the exit code. */
  stop(): Promise<number | null>;
}

export function keep(start: () => Gateway): Keeper {
  let restarts = 0;
  let stopping = false;
  let gateway = start();
  const watch = async (): Promise<void> => {
    await gateway.exited();
    if (stopping) return;
    restarts += 1;
    gateway = start();
    void watch();
  };
  void watch();
  return {
    restarts: () => restarts,
    stop: () => {
      stopping = true;
      return gateway.stop();
    },
  };
}
