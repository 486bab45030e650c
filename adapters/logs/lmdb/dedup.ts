import { IdTable } from '../ids.ts';
import type { Position } from '../log.ts';
import type { StoreOptions } from '../store.ts';

/** The known ids of one shop, and the times at which its positions were reached, oldest first. */
export interface KnownIds {
  readonly ids: IdTable;
  readonly marks: Mark[];
}

interface Mark {
  readonly at: number;
  readonly position: Position;
}

/** Ids are forgotten in this many steps. A step is this part of the dedup time, and of the most ids of all shops together. */
const STEPS = 64;
const HOUR_MS = 3_600_000;

/** Decides how long ids are known: `dedupMs`, or less if more than `dedupMax` ids of all shops come in that time. */
export class Dedup {
  readonly #options: Pick<StoreOptions, 'now' | 'dedupMs' | 'dedupMax' | 'onDedupShortened'>;
  readonly #shops: KnownIds[] = [];
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: Pick<StoreOptions, 'now' | 'dedupMs' | 'dedupMax' | 'onDedupShortened'>) {
    this.#options = options;
  }

  /** Adds a shop. */
  open(): KnownIds {
    const known = { ids: new IdTable(), marks: [] };
    this.#shops.push(known);
    return known;
  }

  /** Records that a shop's log has reached this position. */
  mark({ marks }: KnownIds, position: Position): void {
    const at = this.#options.now();
    const last = marks.at(-1);
    // After the clock was set back, older marks carry later times and would never expire: start over from now.
    if (last && at < last.at) marks.length = 0;
    else if (last && !this.#isApart({ at, position }, last)) return;
    marks.push({ at, position });
    this.#forgetExcess(at);
  }

  /** The same for a time in the past, and a position before all marks. */
  markBack({ marks }: KnownIds, mark: Mark): void {
    const [first] = marks;
    if (first === undefined || this.#isApart(first, mark)) marks.unshift(mark);
  }

  forgetOld(): void {
    const since = this.#options.now() - this.#options.dedupMs;
    for (const known of this.#shops) {
      const { marks, ids } = known;
      const newest = ids.floor + ids.size;
      // Without this, the last ids of a shop that has fallen silent would have no mark and never expire.
      if (ids.size > 0 && newest > (marks.at(-1)?.position ?? 0)) this.mark(known, newest);
      while (marks[1] && marks[1].at < since) marks.shift();
      if (marks[0] && marks[0].at < since) ids.forget(marks[0].position);
    }
  }

  #isApart(later: Mark, earlier: Mark): boolean {
    const { dedupMs, dedupMax } = this.#options;
    const most = dedupMax / STEPS / this.#shops.length;
    return later.at - earlier.at >= dedupMs / STEPS || later.position - earlier.position >= most;
  }

  /** Forgets the oldest ids of all shops. */
  #forgetExcess(now: number): void {
    let excess = this.#shops.reduce((sum, { ids }) => sum + ids.size, 0) - this.#options.dedupMax;
    if (excess <= 0) return;
    let at = now;
    while (excess > 0) {
      const { ids, marks } = this.#oldest();
      const mark = marks.shift();
      if (mark === undefined) break;
      excess -= ids.size;
      ids.forget(mark.position);
      excess += ids.size;
      at = mark.at;
    }
    if (now - this.#toldAt < HOUR_MS) return;
    this.#toldAt = now;
    this.#options.onDedupShortened(now - at);
  }

  #oldest(): KnownIds {
    return this.#shops.reduce((oldest, known) => (firstTime(known) < firstTime(oldest) ? known : oldest));
  }
}

const firstTime = ({ marks }: KnownIds): number => marks[0]?.at ?? Number.POSITIVE_INFINITY;
