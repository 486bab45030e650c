import type { Head } from './head.ts';
import type { Position, Stored } from './log.ts';
import { headAt, openRecord, type RecordSlice, receivedAt, recordsOf } from './record.ts';
import type { StoreOptions } from './store.ts';
import { viewed } from './viewed.ts';

/** What a page holds, and where in the log. */
export interface PageBytes {
  readonly shop: string;
  readonly first: Position;
  readonly bytes: Buffer;
  /** How many positions it takes. Where its records do not add up to that, only those before the first damaged one are known by position. */
  readonly events: number;
  /** The places of the events that were new when the page was stored, where not all were. */
  readonly kept?: readonly number[] | undefined;
}

interface Placed {
  readonly slice: RecordSlice;
  readonly first: Position;
  /** Its events that are in the log, by their places in the record. */
  readonly places: readonly number[];
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

  /** When the event at a position was received; undefined where its record is not intact. */
  receivedAt(position: Position): number | undefined {
    const record = this.#recordOf(position);
    return record && openRecord(record.slice)?.context.receivedAt;
  }

  /** The first position received at a time or later. */
  firstSince(time: number): Position | undefined {
    return this.#records.find(({ slice }) => receivedAt(slice) >= time)?.first;
  }

  /** The first position whose head is the one that is looked for. */
  positionOf(isIt: (head: Head) => boolean): Position | undefined {
    for (const { slice, first, places } of this.#records) {
      const i = places.findIndex((place) => isIt(headAt(slice, place)));
      if (i >= 0) return first + i;
    }
    return undefined;
  }

  /** One after the other, so that no record is opened for events that are not taken. Throws UnreadableEvents at a record that this version cannot read. */
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
