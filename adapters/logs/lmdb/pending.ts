import type { Head } from '../head.ts';
import type { Heads } from '../heads.ts';
import type { Position } from '../log.ts';

/** A record on its way to the disk: `count` of its heads have positions so far, from `first` on. */
export interface Coming {
  readonly first: Position;
  readonly heads: Heads;
  count: number;
}

/** The heads of a shop's events that have a position and are not on the disk yet. */
export class Pending {
  /** By their positions. */
  readonly #records: Coming[] = [];

  /** One more record, whose heads are found as far as they are counted. */
  begin(first: Position, heads: Heads): Coming {
    const coming = { first, heads, count: 0 };
    this.#records.push(coming);
    return coming;
  }

  at(position: Position): Head | undefined {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#records[middle]?.first ?? 0) > position) high = middle;
      else low = middle + 1;
    }
    const record = this.#records[low - 1];
    return record && position < record.first + record.count ? record.heads.at(position - record.first) : undefined;
  }

  /** Forgets those up to a position, which are on the disk now. */
  settle(upTo: Position): void {
    const left = this.#records.findIndex(({ first, count }) => first + count - 1 > upTo);
    this.#records.splice(0, left < 0 ? this.#records.length : left);
  }
}
