/** Complete requests that wait to be processed. Shops take turns; within a shop the oldest request is first. */
export interface RequestQueue {
  /** Resolves when a request that arrives at `time` may begin; at once if nothing waits. `time`: as `now` says it. */
  enter(time: number, shop?: string): Promise<void>;
  /** How long the first request of this shop has waited; 0 if only a few of its requests were queued when it came. */
  oldestWaitMs(time: number, shop?: string): number;
}

interface Waiting {
  readonly since: number;
  /** How many requests of the same shop were queued when it came. */
  readonly ahead: number;
  readonly start: () => void;
}

interface ShopQueue {
  waiting: Waiting[];
  /** How many of them have begun. */
  served: number;
}

/**
 * Time per turn of the event loop for starting requests. Node accepts one connection per turn: if a turn started every waiting request, new
 * clients and health checks would wait. Shorter turns make smaller commits, which cost more.
 */
const TURN_MS = 20;
/** With fewer waiting requests, a long wait means that the machine stood still, and refusing would not help. */
const SHORT_QUEUE = 64;

/** `now`: monotonic, in milliseconds. */
export function createRequestQueue(now: () => number): RequestQueue {
  /** The shops with waiting requests, the next one to serve first. */
  const queues = new Map<string, ShopQueue>();
  /** When the first request of this turn of the event loop was begun. */
  let begunAt: number | undefined;

  const begin = (time: number): void => {
    if (begunAt !== undefined) return;
    begunAt = time;
    setImmediate(() => void goOn());
  };
  const goOn = async (): Promise<void> => {
    begunAt = undefined;
    if (queues.size === 0) return;
    const time = now();
    begin(time);
    while (queues.size > 0 && now() - time < TURN_MS) {
      startOne();
      // Lets it run up to its first real wait, which is most of its work.
      await undefined;
    }
  };
  const startOne = (): void => {
    for (const [shop, queue] of queues) {
      queue.waiting[queue.served]?.start();
      queue.served += 1;
      queues.delete(shop);
      if (queue.served === queue.waiting.length) return;
      if (queue.served >= queue.waiting.length / 2) {
        queue.waiting = queue.waiting.slice(queue.served);
        queue.served = 0;
      }
      // This shop goes behind the others.
      queues.set(shop, queue);
      return;
    }
  };
  return {
    enter(time, shop = '') {
      const isFree = queues.size === 0 && (begunAt === undefined || time - begunAt < TURN_MS);
      begin(time);
      if (isFree) return Promise.resolve();
      const queue = queues.get(shop) ?? { waiting: [], served: 0 };
      queues.set(shop, queue);
      return new Promise((start) =>
        queue.waiting.push({ since: time, ahead: queue.waiting.length - queue.served, start }),
      );
    },
    oldestWaitMs(time, shop = '') {
      const queue = queues.get(shop);
      const first = queue?.waiting[queue.served];
      return first === undefined || first.ahead < SHORT_QUEUE ? 0 : time - first.since;
    },
  };
}
