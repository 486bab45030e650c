import { IdTable } from '../ids.ts';
import type { Position } from '../log.ts';
import type { StoreOptions } from '../store.ts';

/** The ids of one shop that are known, and when its positions were reached, the oldest first. */
export interface KnownIds {
  readonly ids: IdTable;
  readonly marks: Mark[];
}

interface Mark {
  readonly at: number;
  readonly position: Position;
}

/** Ids are forgotten in this many steps: each is one part of the time that they are kept, and of the most ids of all shops together. */
const STEPS = 64;
const HOUR_MS = 3_600_000;

/** How long ids are known: `dedupMs`, and less where more than `dedupMax` come in that time, of all shops together. */
export class Dedup {
  readonly #options: Pick<StoreOptions, 'now' | 'dedupMs' | 'dedupMax' | 'onDedupShortened'>;
  readonly #shops: KnownIds[] = [];
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: Pick<StoreOptions, 'now' | 'dedupMs' | 'dedupMax' | 'onDedupShortened'>) {
    this.#options = options;
  }

  /** Those of one more shop. */
  open(): KnownIds {
    const known = { ids: new IdTable(), marks: [] };
    this.#shops.push(known);
    return known;
  }

  /** Notes that a shop's log has come to this position. */
  mark({ marks }: KnownIds, position: Position): void {
    const at = this.#options.now();
    const last = marks.at(-1);
    // Where the clock was set back, what is known is as old as this moment: by their own times these marks would stay too long.
    if (last && at < last.at) marks.length = 0;
    else if (last && !this.#isApart({ at, position }, last)) return;
    marks.push({ at, position });
    this.#forgetExcess(at);
  }

  /** The same for a position before all that are noted, and a time that has gone by. */
  markBack({ marks }: KnownIds, mark: Mark): void {
    const [first] = marks;
    if (first === undefined || this.#isApart(first, mark)) marks.unshift(mark);
  }

  forgetOld(): void {
    const since = this.#options.now() - this.#options.dedupMs;
    for (const known of this.#shops) {
      const { marks, ids } = known;
      const newest = ids.floor + ids.size;
      // The last ids of a shop that has fallen silent would have no mark, and stay for ever.
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

  /** The oldest go, whosever they are. */
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
