/** The requests whose bodies are here. Shops take turns; of one shop the first come is the first served. */
export interface Turns {
  /** Resolves when it is the turn of a request that comes at this time (`performance.now()`); at once where nothing waits. */
  next(time: number, shop?: string): Promise<void>;
  /** Milliseconds that the first request of this shop has waited; 0 where there were too few of the shop before it to wait for. */
  wait(time: number, shop?: string): number;
}

interface Waiting {
  readonly since: number;
  /** How many of the same shop were before it when it came. */
  readonly ahead: number;
  readonly start: () => void;
}

interface Queue {
  waiting: Waiting[];
  /** How many of them have had their turn. */
  served: number;
}

/**
 * How long requests are begun in one turn of the event loop. Node accepts one connection in each, so a turn that begins everything that has
 * come keeps new clients waiting, and whoever looks after the gateway; a shorter one makes commits smaller, which cost more.
 */
const TURN_MS = 20;
/** Fewer requests than this wait for a machine that stands still, and not for each other: to refuse others for their sake would help nobody. */
const QUEUE = 64;

/** `now`: monotonic, in milliseconds. */
export function createTurns(now: () => number): Turns {
  /** The shops with requests that wait, the next to be served first. */
  const queues = new Map<string, Queue>();
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
      // It does what it can without waiting, and that is most of its work.
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
      // Behind the other shops.
      queues.set(shop, queue);
      return;
    }
  };
  return {
    next(time, shop = '') {
      const isFree = queues.size === 0 && (begunAt === undefined || time - begunAt < TURN_MS);
      begin(time);
      if (isFree) return Promise.resolve();
      const queue = queues.get(shop) ?? { waiting: [], served: 0 };
      queues.set(shop, queue);
      return new Promise((start) =>
        queue.waiting.push({ since: time, ahead: queue.waiting.length - queue.served, start }),
      );
    },
    wait(time, shop = '') {
      const queue = queues.get(shop);
      const first = queue?.waiting[queue.served];
      return first === undefined || first.ahead < QUEUE ? 0 : time - first.since;
    },
  };
}
