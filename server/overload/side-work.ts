/** Work on other threads than the event loop's. */
export interface SideWork {
  /** Starts the work when it is this shop's turn. Settles as the work does. */
  run<T>(shop: string, work: () => Promise<T>): Promise<T>;
  /** How many tasks of a shop wait. */
  waiting(shop: string): number;
}

/** Runs at most one task per shop, and `atOnce` in all: there are few threads, and the log and DNS use them too. */
export function createSideWork(atOnce = 2): SideWork {
  /** Tasks that wait, the next shop first. */
  const queues = new Map<string, (() => void)[]>();
  const busy = new Set<string>();

  const startNext = (): void => {
    if (busy.size >= atOnce) return;
    for (const [shop, [start, ...rest]] of queues) {
      if (busy.has(shop)) continue;
      queues.delete(shop);
      if (rest.length > 0) queues.set(shop, rest);
      busy.add(shop);
      start?.();
      return;
    }
  };
  return {
    async run(shop, work) {
      await new Promise<void>((start) => {
        queues.set(shop, [...(queues.get(shop) ?? []), start]);
        startNext();
      });
      try {
        return await work();
      } finally {
        busy.delete(shop);
        const own = queues.get(shop);
        // This shop goes behind the others.
        if (own !== undefined && queues.delete(shop)) queues.set(shop, own);
        startNext();
      }
    },
    waiting: (shop) => queues.get(shop)?.length ?? 0,
  };
}
