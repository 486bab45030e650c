import type { Head } from './head.ts';
import type { Position, Stored } from './log.ts';
import { headAt, openRecord, type RecordSlice, receivedAt, recordsOf } from './record.ts';
import type { StoreOptions } from './store.ts';
import { viewed } from './viewed.ts';

/** The bytes of a page, and their place on the log. */
export interface PageBytes {
  readonly shop: string;
  readonly first: Position;
  readonly bytes: Buffer;
  /** The number of its positions. If its records do not add up to that, only those before the first damaged one can be found by position. */
  readonly events: number;
  /** The places of the events that were new when the page was stored; absent if all were. */
  readonly kept?: readonly number[] | undefined;
}

interface Placed {
  readonly slice: RecordSlice;
  readonly first: Position;
  /** The places in the record of its stored events. */
  readonly places: readonly number[];
  events?: readonly Stored[];
}

/** A page in memory. The events of a record are made once, for all pipelines. */
export class Page {
  readonly first: Position;
  readonly last: Position;
  readonly bytes: number;
  readonly #shop: string;
  readonly #records: readonly Placed[];
  readonly #options: StoreOptions;

  constructor(page: PageBytes, options: StoreOptions) {
    const { shop, first, bytes, events } = page;
    this.#shop = shop;
    this.#options = options;
    this.bytes = bytes.length;
    this.first = first;
    this.last = first + events - 1;
    this.#records = placed(page);
    const end = this.#records.reduce((_, { first: at, places }) => at + places.length, first);
    if (end <= this.last) options.onCorrupt(shop, end, this.last);
  }

  /** Time of receipt of the event at a position; undefined if its record is damaged. */
  receivedAt(position: Position): number | undefined {
    const record = this.#recordOf(position);
    return record && openRecord(record.slice)?.context.receivedAt;
  }

  /** The first position received at or after a time. */
  firstSince(time: number): Position | undefined {
    return this.#records.find(({ slice }) => receivedAt(slice) >= time)?.first;
  }

  /** The first position whose head `isIt` accepts. */
  positionOf(isIt: (head: Head) => boolean): Position | undefined {
    for (const { slice, first, places } of this.#records) {
      const i = places.findIndex((place) => isIt(headAt(slice, place)));
      if (i >= 0) return first + i;
    }
    return undefined;
  }

  /** Lazily, so that no record is opened for events that are not taken. Throws UnreadableEvents at a record that this version cannot read. */
  *events(from: Position, to: Position): Generator<Stored> {
    for (const record of this.#records) {
      if (record.first > to || record.first + record.places.length <= from) continue;
      record.events ??= this.#open(record);
      for (const stored of record.events) if (stored.position >= from && stored.position <= to) yield stored;
    }
  }

  #recordOf(position: Position): Placed | undefined {
    return this.#records.find(({ first, places }) => position >= first && position < first + places.length);
  }

  #open({ slice, first, places }: Placed): readonly Stored[] {
    const opened = openRecord(slice);
    if (opened === undefined) {
      this.#options.onCorrupt(this.#shop, first, first + places.length - 1);
      return [];
    }
    const isWhole = places.length === opened.indexes.length;
    const indexes = isWhole ? opened.indexes : places.map((place) => opened.indexes[place] ?? 0);
    const derivations = isWhole ? opened.derivations : places.map((place) => opened.derivations[place] ?? 0);
    const bytes = Math.ceil(slice.length / places.length);
    return viewed(this.#options, { ...opened, indexes, derivations, first }).map((event, i) => ({
      position: first + i,
      event,
      bytes,
    }));
  }
}

function placed({ bytes, first, events, kept }: PageBytes): Placed[] {
  let next = first;
  let place = 0;
  const chosen = kept && new Set(kept);
  const all: Placed[] = [];
  for (const slice of recordsOf(bytes)) {
    const places = placesOf(slice.count, (at) => chosen?.has(place + at) ?? true);
    all.push({ slice, first: next, places });
    next += places.length;
    place += slice.count;
  }
  if (next === first + events) return all;
  const damaged = all.findIndex(({ slice }) => openRecord(slice) === undefined);
  return damaged < 0 ? all : all.slice(0, damaged);
}

function placesOf(count: number, wanted: (place: number) => boolean): number[] {
  const places: number[] = [];
  for (let place = 0; place < count; place++) if (wanted(place)) places.push(place);
  return places;
}
