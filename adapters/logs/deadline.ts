import { type EventLog, type LogRecord, LogUnavailable, type Verdict } from './log.ts';

export interface DeadlineOptions {
  readonly limitMs: number;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called when the log becomes late, and when it answers again. */
  readonly onLate: (isLate: boolean) => void;
}

interface Waiting {
  /** When it began to wait for its turn, and then for the disk. */
  at: number;
  hasJoined: boolean;
  hasEnded: boolean;
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
  const appends = new TimedAppends(log, options);
  return {
    get durability() {
      return log.durability;
    },
    get failure() {
      return log.failure ?? appends.late();
    },
    append: (record) => appends.append(record),
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

/**
 * The appends under way in two queues, both in order of time: those that have joined a commit wait for the disk, the others for their turn.
 * An entry is removed when it is the first. Sets would rehash every few appends, and each old table of a set keeps the next ones in memory.
 */
class TimedAppends {
  readonly #log: EventLog;
  readonly #options: DeadlineOptions;
  readonly #joined: Waiting[] = [];
  readonly #lining: Waiting[] = [];
  #isWatching = false;

  constructor(log: EventLog, options: DeadlineOptions) {
    this.#log = log;
    this.#options = options;
  }

  append(record: LogRecord): Promise<Verdict[]> {
    const reason = this.late();
    if (reason) return Promise.reject(reason);
    return new Promise<Verdict[]>((resolve, reject) => {
      const { now } = this.#options;
      const own: Waiting = { at: now(), hasJoined: false, hasEnded: false, reject };
      const onJoined = () => {
        if (hasLeft(own)) return;
        own.hasJoined = true;
        own.at = now();
        this.#joined.push(own);
      };
      const ending =
        <R>(settle: (result: R) => void) =>
        (result: R): void => {
          own.hasEnded = true;
          settle(result);
        };
      this.#log.append(record, onJoined).then(ending(resolve), ending(reject));
      if (!hasLeft(own)) this.#lining.push(own);
      if (!this.#isWatching) void this.#watch();
    });
  }

  /** Why nothing can be appended now: the first that waits for the disk has waited too long. */
  late(): LogUnavailable | undefined {
    const oldest = this.#oldestJoined();
    if (oldest === undefined || !this.#isOver(oldest)) return undefined;
    const seconds = Math.round((this.#options.now() - oldest.at) / 1000);
    return new LogUnavailable(`the log has not answered for ${seconds} s: its disk hangs, or is far too slow`);
  }

  async #watch(): Promise<void> {
    const { limitMs, sleep, onLate } = this.#options;
    this.#isWatching = true;
    let wasLate = false;
    while (this.#oldestJoined() ?? this.#oldestLining()) {
      await sleep(limitMs / LOOKS, new AbortController().signal);
      const reason = this.late();
      if ((reason !== undefined) !== wasLate) onLate(!wasLate);
      wasLate = reason !== undefined;
      for (const one of this.#joined) if (reason && !one.hasEnded && this.#isOver(one)) one.reject(reason);
      for (const one of this.#lining) if (!hasLeft(one) && this.#isOver(one)) one.reject(new LogUnavailable(TOO_LONG));
    }
    if (wasLate) onLate(false);
    this.#isWatching = false;
  }

  #isOver({ at }: Waiting): boolean {
    return this.#options.now() - at >= this.#options.limitMs;
  }

  #oldestJoined(): Waiting | undefined {
    while (this.#joined[0]?.hasEnded) this.#joined.shift();
    return this.#joined[0];
  }

  #oldestLining(): Waiting | undefined {
    while (this.#lining[0] && hasLeft(this.#lining[0])) this.#lining.shift();
    return this.#lining[0];
  }
}

/** Whether it waits for its turn no longer. */
const hasLeft = ({ hasJoined, hasEnded }: Waiting): boolean => hasJoined || hasEnded;
