import type { Fingerprint } from './ids.ts';
import type { Position, Stored } from './log.ts';
import { fingerprintAt, openRecord, type RecordSlice, recordsOf } from './record.ts';
import type { StoreOptions } from './store.ts';

interface Placed {
  readonly slice: RecordSlice;
  readonly first: Position;
  events?: readonly Stored[];
}

/** A page in memory; its events are made record by record, once, for all pipelines that come by. */
export class Page {
  readonly first: Position;
  readonly last: Position;
  readonly bytes: number;
  readonly #shop: string;
  readonly #records: readonly Placed[];
  readonly #options: StoreOptions;

  /** `events`: how many positions the page holds. Where its records do not add up to that, only those before the first damaged one are known by position. */
  constructor(shop: string, first: Position, page: Buffer, events: number, options: StoreOptions) {
    this.#shop = shop;
    this.#options = options;
    this.bytes = page.length;
    this.first = first;
    this.last = first + events - 1;
    this.#records = placed(page, first, events);
    const end = this.#records.reduce((_, { first: at, slice }) => at + slice.count, first);
    if (end <= this.last) options.onCorrupt(shop, end, this.last);
  }

  /** Whether the event at a position has this id. */
  holds(position: Position, [high, low]: Fingerprint, id: string): boolean {
    const record = this.#records.find(({ first, slice }) => position >= first && position < first + slice.count);
    if (record === undefined) return false;
    const { slice, first } = record;
    const [storedHigh, storedLow] = fingerprintAt(slice, position - first);
    if (storedHigh !== high || storedLow !== low) return false;
    // Most ids stand in the body as they are, and finding them there costs a hundredth of mapping the record.
    if (slice.page.subarray(slice.offset, slice.offset + slice.length).includes(`"${id}"`)) return true;
    return this.events(position, position).some(({ event }) => event.event_id === id);
  }

  positionsOf([high, low]: Fingerprint): Position[] {
    const found: Position[] = [];
    for (const { slice, first } of this.#records) {
      for (let i = 0; i < slice.count; i++) {
        const [storedHigh, storedLow] = fingerprintAt(slice, i);
        if (storedHigh === high && storedLow === low) found.push(first + i);
      }
    }
    return found;
  }

  events(from: Position, to: Position): Stored[] {
    const found: Stored[] = [];
    for (const record of this.#records) {
      if (record.first > to || record.first + record.slice.count <= from) continue;
      record.events ??= this.#open(record);
      for (const stored of record.events) if (stored.position >= from && stored.position <= to) found.push(stored);
    }
    return found;
  }

  #open({ slice, first }: Placed): readonly Stored[] {
    const opened = openRecord(slice);
    if (opened === undefined) {
      this.#options.onCorrupt(this.#shop, first, first + slice.count - 1);
      return [];
    }
    const { dialect, body, indexes, context } = opened;
    return this.#options
      .view(dialect, body.toString(), indexes, context)
      .map((event, i) => ({ position: first + i, event }));
  }
}

function placed(page: Buffer, first: Position, events: number): Placed[] {
  let next = first;
  const all = recordsOf(page).map((slice) => {
    const record = { slice, first: next };
    next += slice.count;
    return record;
  });
  if (next === first + events) return all;
  const damaged = all.findIndex(({ slice }) => openRecord(slice) === undefined);
  return damaged < 0 ? all : all.slice(0, damaged);
}
