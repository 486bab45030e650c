import { Allowance } from './allowance.ts';

/** A connection with input that waits to be parsed. */
export interface Waiting {
  /** Parses one piece, and gives how many of its bytes are rationed. */
  parsePiece(): number;
}

/**
 * Untrusted connections together get the idle time of the event loop and this share of the busy time, of which they can save up a little. The
 * share must not be small: behind a proxy that opens a connection for each request, every connection is untrusted.
 */
const SHARE = 1 / 4;
const MOST_SAVED_MS = 2;
/** No piece takes longer than this by itself. A longer time includes other work of the process, which is not charged. */
const PIECE_MS = 1;
/**
 * Input larger than a few requests is rationed to this many bytes a second, with a limit to what can be saved up. Reading makes garbage, and
 * collecting it stops everyone for some 15 ms. Bytes that lead to an answer without a refusal are refunded.
 */
export const LARGE_BYTES = 16 * 1024;
const LARGE_BYTES_A_SECOND = 8 * 1024 ** 2;
const MOST_SAVED_BYTES = 16 * 1024 ** 2;

/** Small input is parsed first, then large input, then requests that came together with others. The last two are rationed. */
export type Priority = 'small' | 'large' | 'together';

/** Calls `then` after all pending microtasks. */
const afterMicrotasks = (then: () => void): void => queueMicrotask(() => process.nextTick(then));

/** The connections that wait to be parsed, and the time and bytes that untrusted ones may use. */
export class ParseQueue {
  /** Number of this turn of the event loop, while turns are counted. */
  turn = 0;
  /** Bytes of unparsed input, of all connections together. */
  heldBytes = 0;
  #isTurnCounted = false;
  #isScheduled = false;
  /** Runs until there are time and bytes. */
  #timer: NodeJS.Timeout | undefined;
  readonly #small = new Set<Waiting>();
  readonly #large = new Set<Waiting>();
  readonly #together = new Set<Waiting>();
  readonly #time: Allowance;
  readonly #bytes: Allowance;
  readonly #now: () => number;
  readonly #idle: () => number;
  #idleMs: number;
  /** `idle`: milliseconds that the event loop has been idle since the process began. */
  constructor(now: () => number, idle: () => number) {
    this.#now = now;
    this.#idle = idle;
    this.#idleMs = idle();
    this.#time = new Allowance(MOST_SAVED_MS, SHARE, now);
    this.#bytes = new Allowance(MOST_SAVED_BYTES, LARGE_BYTES_A_SECOND / 1000, now);
  }
  /** Counts this turn of the event loop. */
  countTurn(): void {
    if (this.#isTurnCounted) return;
    this.#isTurnCounted = true;
    setImmediate(() => {
      this.#isTurnCounted = false;
      this.turn += 1;
    });
  }
  add(waiting: Waiting, priority: Priority): void {
    ({ small: this.#small, large: this.#large, together: this.#together })[priority].add(waiting);
    // Small input does not wait for the timer: that may run until there are bytes.
    if (!this.#isScheduled || this.#timer !== undefined) this.#schedule();
  }
  remove(waiting: Waiting): void {
    for (const queued of [this.#small, this.#large, this.#together]) queued.delete(waiting);
  }
  /** Gives rationed bytes back. */
  refund(bytes: number): void {
    if (bytes > 0) this.#bytes.spend(-bytes);
  }
  /** Parses small input at once if no other waits and there is time left. Says whether it did. */
  tryNow(parse: () => void): boolean {
    if (this.#small.size > 0 || this.#waitMs() > 0) return false;
    this.#timed(parse);
    return true;
  }
  /** Milliseconds until there is time for untrusted connections; 0 or less if there is some now. */
  #waitMs(): number {
    const idleMs = this.#idle();
    this.#time.spend(this.#idleMs - idleMs);
    this.#idleMs = idleMs;
    return this.#time.waitMs();
  }
  #timed(parse: () => void, then?: () => void): void {
    const start = this.#now();
    parse();
    afterMicrotasks(() => {
      this.#time.spend(Math.min(PIECE_MS, this.#now() - start));
      then?.();
    });
  }
  #onTimer(): void {
    this.#timer = undefined;
    this.#parseNext();
  }
  #parseNext(): void {
    const next = this.#takeNext();
    if (next === undefined) this.#schedule();
    else
      this.#timed(
        () => this.#bytes.spend(next.parsePiece()),
        () => this.#parseNext(),
      );
  }
  /** Removes the next connection from the queue. Undefined if none waits, or if there is no time or no bytes left for it. */
  #takeNext(): Waiting | undefined {
    if (this.#waitMs() > 0) return undefined;
    const queues = this.#bytes.waitMs() > 0 ? [this.#small] : [this.#small, this.#large, this.#together];
    for (const queue of queues)
      for (const waiting of queue) {
        queue.delete(waiting);
        return waiting;
      }
    return undefined;
  }
  /** Continues as soon as there are time and bytes. */
  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isScheduled = this.#small.size + this.#large.size + this.#together.size > 0;
    if (!this.#isScheduled) return;
    const ms = Math.max(this.#waitMs(), this.#small.size === 0 ? this.#bytes.waitMs() : 0);
    if (ms > 0) this.#timer = setTimeout(() => this.#onTimer(), Math.ceil(ms)).unref();
    else setImmediate(() => this.#parseNext());
  }
}
