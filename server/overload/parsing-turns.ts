import { Allowance } from './allowance.ts';

/** Something of a connection that waits to be parsed. */
export interface Piece {
  /** Parses it, and says what it costs of the bytes that are rationed. */
  parsePiece(): number;
}

/**
 * Clients in doubt get this share of the time together, and all the time in which there is nothing else to do; behind a proxy that opens a
 * connection for each request everybody is in doubt. They may have saved this many milliseconds of it.
 */
const SHARE = 1 / 4;
const MOST_SAVED_MS = 2;
/** No piece takes longer by itself: what is more is the work of others that was done meanwhile. */
const PIECE_MS = 1;
/**
 * Of what is larger than a few requests, this many bytes a second are taken, and at most this many at once: reading makes garbage, and clearing
 * it away stops everybody for some 15 ms. What is answered well is given back, so that only what leads to nothing counts.
 */
export const LARGE_BYTES = 16 * 1024;
const LARGE_BYTES_A_SECOND = 8 * 1024 ** 2;
const MOST_SAVED_BYTES = 16 * 1024 ** 2;

/** Calls it when everything that can be done now without waiting is done. */
const afterMicrotasks = (then: () => void): void => queueMicrotask(() => process.nextTick(then));

/** The turns of the event loop, and the connections that wait for theirs. */
export class ParsingTurns {
  /** The number of this one. */
  number = 0;
  /** Bytes that are held of all connections. */
  held = 0;
  #isBegun = false;
  #isDue = false;
  readonly #small = new Set<Piece>();
  readonly #large = new Set<Piece>();
  readonly #time: Allowance;
  readonly #bytes: Allowance;
  readonly #now: () => number;
  readonly #idle: () => number;
  #idleMs: number;
  /** `idle`: for how long there was nothing to do since the process began, in milliseconds. */
  constructor(now: () => number, idle: () => number) {
    this.#now = now;
    this.#idle = idle;
    this.#idleMs = idle();
    this.#time = new Allowance(MOST_SAVED_MS, SHARE, now);
    this.#bytes = new Allowance(MOST_SAVED_BYTES, LARGE_BYTES_A_SECOND / 1000, now);
  }
  begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    setImmediate(() => {
      this.#isBegun = false;
      this.number += 1;
    });
  }
  wait(piece: Piece, bytes: number): void {
    (bytes > LARGE_BYTES ? this.#large : this.#small).add(piece);
    if (!this.#isDue) this.#later();
  }
  leave(piece: Piece): void {
    this.#small.delete(piece);
    this.#large.delete(piece);
  }
  /** So many bytes that were parsed have led to something. */
  giveBack(bytes: number): void {
    if (bytes > 0) this.#bytes.spend(-bytes);
  }
  /** Parses it at once where nobody waits and there is time for it. Says whether it did. */
  tried(bytes: number, parse: () => void): boolean {
    if (this.#small.size + this.#large.size > 0 || bytes > LARGE_BYTES || this.#timeMs() > 0) return false;
    this.#timed(parse);
    return true;
  }
  /** Milliseconds until there is time for clients in doubt. */
  #timeMs(): number {
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
  #next(): void {
    const piece = this.#first();
    if (piece === undefined) this.#later();
    else
      this.#timed(
        () => this.#bytes.spend(piece.parsePiece()),
        () => this.#next(),
      );
  }
  /** The one whose turn it is, taken out, where there is time for it. */
  #first(): Piece | undefined {
    if (this.#timeMs() > 0) return undefined;
    for (const piece of this.#small) {
      this.#small.delete(piece);
      return piece;
    }
    if (this.#bytes.waitMs() > 0) return undefined;
    for (const piece of this.#large) {
      this.#large.delete(piece);
      return piece;
    }
    return undefined;
  }
  /** Goes on when there is something to spend. */
  #later(): void {
    this.#isDue = this.#small.size + this.#large.size > 0;
    if (!this.#isDue) return;
    const ms = Math.max(this.#timeMs(), this.#small.size === 0 ? this.#bytes.waitMs() : 0);
    if (ms > 0) setTimeout(() => this.#next(), Math.ceil(ms)).unref();
    else setImmediate(() => this.#next());
  }
}
