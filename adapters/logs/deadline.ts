import { type EventLog, LogUnavailable, type Verdict } from './log.ts';

export interface DeadlineOptions {
  readonly limitMs: number;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called when the log becomes late, and when it answers again. */
  readonly onLate: (isLate: boolean) => void;
}

interface Waiting {
  readonly at: number;
  readonly reject: (error: Error) => void;
}

const LOOKS = 10;
const TOO_LONG =
  'the events have waited too long to be compared with what is far back on the log: send fewer repeats at a time';

/**
 * The same log, but no append waits for the disk longer than the limit: it rejects with LogUnavailable, and whether its record is stored is
 * unknown. While one is late, further appends reject at once and `failure` says so; they work again as soon as the log answers. An append that
 * waits for its shop's turn and has not joined a commit says nothing about the disk: it rejects after the same time, for itself alone.
 */
export function withDeadline(log: EventLog, options: DeadlineOptions): EventLog {
  const { limitMs, now, sleep, onLate } = options;
  // Both in order of time. Appends in `joined` wait for the disk, the others for their turn.
  const joined = new Set<Waiting>();
  const lining = new Set<Waiting>();
  let watching = false;
  const isOver = ({ at }: Waiting): boolean => now() - at >= limitMs;
  const late = (): LogUnavailable | undefined => {
    const [oldest] = joined;
    if (oldest === undefined || !isOver(oldest)) return undefined;
    return new LogUnavailable(
      `the log has not answered for ${Math.round((now() - oldest.at) / 1000)} s: its disk hangs, or is far too slow`,
    );
  };
  const watch = async (): Promise<void> => {
    watching = true;
    let wasLate = false;
    while (joined.size + lining.size > 0) {
      await sleep(limitMs / LOOKS, new AbortController().signal);
      const reason = late();
      if ((reason !== undefined) !== wasLate) onLate(!wasLate);
      wasLate = reason !== undefined;
      for (const one of joined) if (reason && isOver(one)) one.reject(reason);
      for (const one of lining) if (isOver(one)) one.reject(new LogUnavailable(TOO_LONG));
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
        let one: Waiting = { at: now(), reject };
        lining.add(one);
        if (!watching) void watch();
        const onJoined = () => {
          if (!lining.delete(one)) return;
          one = { at: now(), reject };
          joined.add(one);
        };
        log
          .append(record, onJoined)
          .then(resolve, reject)
          .finally(() => {
            joined.delete(one);
            lining.delete(one);
          });
      });
    },
    read: (...args) => log.read(...args),
    find: (...args) => log.find(...args),
    extent: (shop) => log.extent(shop),
    shops: () => log.shops(),
    heads: (shops) => log.heads(shops),
    rests: (places) => log.rests(places),
    before: (...args) => log.before(...args),
    tally: (shop) => log.tally(shop),
    tallies: (shops) => log.tallies(shops),
    trim: (options) => log.trim(options),
    close: () => log.close(),
  };
}
