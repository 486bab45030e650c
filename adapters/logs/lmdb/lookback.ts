import { LogUnavailable } from '../log.ts';

/** Heads read for one shop in one turn: as many as a request may have events, and some more. */
const READS_A_TURN = 128;
/** Most appends of one shop that wait for further turns. */
const MOST_WAITING = 256;

interface Waiting {
  readonly reads: number;
  readonly go: () => void;
}

/** What a shop may still read in this turn, and the appends that wait for the next. */
interface Line {
  left: number;
  readonly waiting: Waiting[];
}

/**
 * Limits how much of a turn one shop may use to check ids that seem to be known. Each shop has its own queue, so one that sends many repeats
 * delays only itself.
 */
export class LookBacks {
  readonly #lines = new Map<string, Line>();
  readonly #nextTurn: (turn: () => void) => void;

  constructor(nextTurn: (turn: () => void) => void = setImmediate) {
    this.#nextTurn = nextTurn;
  }

  /** Resolves when a shop may read this many heads; undefined if it may at once. Throws LogUnavailable if too many are waiting. */
  ask(shop: string, reads: number): Promise<void> | undefined {
    const line = this.#lineOf(shop);
    if (line.waiting.length === 0 && line.left > 0) {
      line.left -= reads;
      return undefined;
    }
    if (line.waiting.length >= MOST_WAITING)
      throw new LogUnavailable(
        `too many requests of ${shop} repeat events that are far back on the log: send fewer at a time`,
      );
    return new Promise((go) => line.waiting.push({ reads, go }));
  }

  #lineOf(shop: string): Line {
    let line = this.#lines.get(shop);
    if (line === undefined) {
      line = { left: READS_A_TURN, waiting: [] };
      if (this.#lines.size === 0) this.#nextTurn(() => this.#turn());
      this.#lines.set(shop, line);
    }
    return line;
  }

  #turn(): void {
    for (const [shop, line] of this.#lines) {
      if (line.waiting.length === 0) this.#lines.delete(shop);
      // What was read above the last turn's share is taken off this one's.
      line.left = Math.min(0, line.left) + READS_A_TURN;
      while (line.left > 0) {
        const next = line.waiting.shift();
        if (next === undefined) break;
        line.left -= next.reads;
        next.go();
      }
    }
    if (this.#lines.size > 0) this.#nextTurn(() => this.#turn());
  }
}
