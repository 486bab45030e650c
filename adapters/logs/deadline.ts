import { type EventLog, LogUnavailable, type Verdict } from './log.ts';

export interface DeadlineOptions {
  readonly limitMs: number;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called when the log is late, and when it answers again. */
  readonly onLate: (isLate: boolean) => void;
}

interface Waiting {
  readonly at: number;
  readonly reject: (error: Error) => void;
}

const LOOKS = 10;

/**
 * The same log, but no append takes longer than the limit: it rejects with LogUnavailable, and what becomes of its record is not known. As
 * long as one is late, further ones reject at once, and `failure` says so; when the log answers again, all goes on.
 */
export function withDeadline(log: EventLog, options: DeadlineOptions): EventLog {
  const { limitMs, now, sleep, onLate } = options;
  // In the order of their time.
  const waiting = new Set<Waiting>();
  let watching = false;
  const late = (): LogUnavailable | undefined => {
    const [oldest] = waiting;
    if (oldest === undefined || now() - oldest.at < limitMs) return undefined;
    return new LogUnavailable(
      `the log has not answered for ${Math.round((now() - oldest.at) / 1000)} s: its disk hangs, or is far too slow`,
    );
  };
  const watch = async (): Promise<void> => {
    watching = true;
    let wasLate = false;
    while (waiting.size > 0) {
      await sleep(limitMs / LOOKS, new AbortController().signal);
      const reason = late();
      if ((reason !== undefined) !== wasLate) onLate(!wasLate);
      wasLate = reason !== undefined;
      if (reason) for (const { at, reject } of waiting) if (now() - at >= limitMs) reject(reason);
    }
    if (wasLate) onLate(false);
    watching = false;
  };
  return {
    get durability() {
      return log.durability;
    },
    get failure() {
      return log.failure ?? late();
    },
    append: (record) => {
      const reason = late();
      if (reason) return Promise.reject(reason);
      return new Promise<Verdict[]>((resolve, reject) => {
        const one = { at: now(), reject };
        waiting.add(one);
        if (!watching) void watch();
        log
          .append(record)
          .then(resolve, reject)
          .finally(() => waiting.delete(one));
      });
    },
    read: (...args) => log.read(...args),
    find: (...args) => log.find(...args),
    extent: (shop) => log.extent(shop),
    before: (...args) => log.before(...args),
    tally: (shop) => log.tally(shop),
    trim: (options) => log.trim(options),
    close: () => log.close(),
  };
}
