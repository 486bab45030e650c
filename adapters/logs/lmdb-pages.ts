import type { Database, RootDatabase } from 'lmdb';
import { LRUCache } from 'lru-cache';
import type { Fingerprint } from './ids.ts';
import { type Position, READ_BYTES, type Stored } from './log.ts';
import { Page } from './page.ts';
import { type Entry, encodePage, fingerprintAt, type RecordSlice, receivedAt, recordsOf } from './record.ts';
import type { StoreOptions } from './store.ts';

const LAST = Number.MAX_SAFE_INTEGER;
const CACHED_BYTES = 6 * 1024 * 1024;
const REMOVED_AT_ONCE = 100;
/** Of a day each is a second and a third. */
const TIME_SLICES = 65_536;

type Key = [shop: string, first: Position];

export interface Removed {
  readonly events: number;
  readonly bytes: number;
  readonly last: Position;
}

/** The pages of all shops in LMDB: key (shop, position of the first event), value the records of one commit. */
export class LmdbPages {
  readonly #pages: Database<Buffer, Key>;
  readonly #options: StoreOptions;
  readonly #cache: LRUCache<string, Page>;
  readonly #head: (shop: string) => Position;

  /** `head`: the newest durable position of a shop. */
  constructor(root: RootDatabase, options: StoreOptions, head: (shop: string) => Position) {
    this.#pages = root.openDB({ name: 'pages', encoding: 'binary' });
    this.#options = options;
    this.#cache = new LRUCache({ maxSize: CACHED_BYTES, sizeCalculation: ({ bytes }) => Math.max(1, bytes) });
    this.#head = head;
  }

  /** To be called inside a batch. */
  put(shop: string, first: Position, entries: readonly Entry[]): void {
    void this.#pages.put([shop, first], encodePage(entries));
  }

  /** The page that holds a position, if it is kept. */
  at(shop: string, position: Position): Page | undefined {
    const [key] = this.#pages.getKeys({ start: [shop, position], end: [shop, 0], reverse: true, limit: 1 });
    const page = key && this.#page(key);
    return page && page.last >= position ? page : undefined;
  }

  /** The first page that begins at a position or later. */
  from(shop: string, position: Position): Page | undefined {
    const [key] = this.#pages.getKeys({ start: [shop, position], end: [shop, LAST], limit: 1 });
    return key && this.#page(key);
  }

  /** Events after a position up to another, at most so many, or up to the one with which they have READ_BYTES. */
  collect(shop: string, after: Position, newest: Position, limit: number): Stored[] {
    const found: Stored[] = [];
    let bytes = 0;
    for (let next = after + 1; next <= newest; ) {
      const page = this.at(shop, next) ?? this.from(shop, next);
      if (page === undefined) break;
      for (const stored of page.events(next, newest)) {
        found.push(stored);
        bytes += stored.bytes;
        if (found.length >= limit || bytes >= READ_BYTES) return found;
      }
      next = page.last + 1;
    }
    return found;
  }

  oldest(shop: string): Position | undefined {
    const [key] = this.#pages.getKeys({ start: [shop, 0], end: [shop, LAST], limit: 1 });
    return key?.[1];
  }

  /** The last position received before a time. */
  before(shop: string, time: number): Position {
    let position = 0;
    for (const { key, value } of this.#pages.getRange({ start: [shop, 0], end: [shop, LAST] })) {
      let first = key[1];
      for (const record of recordsOf(value)) {
        if (receivedAt(record) >= time) return first - 1;
        first += record.count;
      }
      position = first - 1;
    }
    return position;
  }

  /** Goes back over the fingerprints of a shop's events, newest first, as far as they were received since a time. */
  rememberSince(
    shop: string,
    time: number,
    remember: (fingerprint: Fingerprint, position: Position, at: number) => void,
  ): void {
    for (const { key, records, at } of this.#backwards(shop)) {
      if (at < time) return;
      let position = key[1] + countOf(records);
      for (const record of records.reverse()) {
        for (let i = record.count - 1; i >= 0; i--) remember(fingerprintAt(record, i), --position, at);
      }
    }
  }

  /** Since when not many more than so many events of these shops were received; `since` where it is fewer. */
  timeOfNewest(most: number, shops: readonly string[], { since, now }: { since: number; now: number }): number {
    // Nearly always all of them may be known, and nothing need be read to see that.
    const held = shops.reduce((sum, shop) => {
      const oldest = this.oldest(shop);
      return oldest === undefined ? sum : sum + this.#head(shop) - oldest + 1;
    }, 0);
    if (held <= most) return since;
    const slices = new Float64Array(TIME_SLICES);
    const sliceMs = (now - since) / TIME_SLICES;
    for (const shop of shops) {
      let left = most;
      for (const { records, at } of this.#backwards(shop)) {
        if (at < since || left <= 0) break;
        const slice = Math.min(TIME_SLICES - 1, Math.floor((at - since) / sliceMs));
        const count = countOf(records);
        slices[slice] = (slices[slice] ?? 0) + count;
        left -= count;
      }
    }
    let left = most;
    const full = slices.findLastIndex((count) => {
      left -= count;
      return left < 0;
    });
    return full < 0 ? since : since + full * sliceMs;
  }

  *#backwards(shop: string): Generator<{ key: Key; records: RecordSlice[]; at: number }> {
    for (const { key, value } of this.#pages.getRange({ start: [shop, LAST], end: [shop, 0], reverse: true })) {
      const records = recordsOf(value);
      const newest = records.at(-1);
      yield { key, records, at: newest ? receivedAt(newest) : Number.POSITIVE_INFINITY };
    }
  }

  /** Removes pages from the oldest on, as long as `wanted` says so. */
  async removeWhile(shop: string, wanted: (page: { last: Position; at: number }) => boolean): Promise<Removed> {
    const removed = { events: 0, bytes: 0, last: 0 };
    for (let more = true; more; ) {
      let count = 0;
      // One by one as they are wanted: a page takes up to a megabyte.
      for (const { key, value } of this.#pages.getRange({
        start: [shop, 0],
        end: [shop, LAST],
        limit: REMOVED_AT_ONCE,
      })) {
        const records = recordsOf(value);
        const events = countOf(records);
        const newest = records.at(-1);
        const last = key[1] + events - 1;
        if (!wanted({ last, at: newest ? receivedAt(newest) : 0 })) break;
        void this.#pages.remove(key);
        this.#cache.delete(nameOf(key));
        removed.events += events;
        removed.bytes += value.length;
        removed.last = last;
        count += 1;
      }
      if (count > 0) await this.#pages.committed;
      more = count === REMOVED_AT_ONCE;
    }
    return removed;
  }

  /** When the oldest page of a shop was received; undefined where it has none. */
  oldestTime(shop: string): number | undefined {
    const [first] = this.#pages.getRange({ start: [shop, 0], end: [shop, LAST], limit: 1 });
    const record = first && recordsOf(first.value)[0];
    return record && receivedAt(record);
  }

  /** What the pages take of the file. */
  usedBytes(): number {
    return bytesOf(this.#pages);
  }

  #page(key: Key): Page | undefined {
    const cached = this.#cache.get(nameOf(key));
    if (cached) return cached;
    const [shop, first] = key;
    // A page can be seen a moment before its commit is known to be durable.
    const bytes = first > this.#head(shop) ? undefined : this.#pages.get(key);
    if (bytes === undefined) return undefined;
    const [following] = this.#pages.getKeys({ start: [shop, first + 1], end: [shop, LAST], limit: 1 });
    const events = (following?.[1] ?? this.#head(shop) + 1) - first;
    const page = new Page({ shop, first, bytes, events }, this.#options);
    this.#cache.set(nameOf(key), page);
    return page;
  }
}

/** What a tree takes of the file. */
export function bytesOf(tree: { getStats(): object }): number {
  const stats = tree.getStats() as Record<string, number>;
  const pages = (stats.treeBranchPageCount ?? 0) + (stats.treeLeafPageCount ?? 0) + (stats.overflowPages ?? 0);
  return pages * (stats.pageSize ?? 4096);
}

const countOf = (records: readonly RecordSlice[]): number => records.reduce((sum, { count }) => sum + count, 0);

const nameOf = ([shop, first]: Key): string => `${shop}/${first}`;
