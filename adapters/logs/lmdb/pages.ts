import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, RootDatabase } from 'lmdb';
import { LRUCache } from 'lru-cache';
import { type Position, READ_BYTES, type Stored, UnreadableEvents } from '../log.ts';
import { Page } from '../page.ts';
import { type Entry, encodePage, openRecord, type RecordSlice, receivedAt, recordsOf } from '../record.ts';
import type { StoreOptions } from '../store.ts';
import type { Commit } from './chain.ts';
import type { LmdbHeads } from './heads.ts';

const LAST = Number.MAX_SAFE_INTEGER;
const CACHED_BYTES = 6 * 1024 * 1024;
const REMOVED_AT_ONCE = 100;
/** How far a clock may have been set back while the log grew. */
const SET_BACK_MS = 3_600_000;

type Key = [shop: string, first: Position];

/** What is known of a page that may be removed. */
export interface OldPage {
  readonly shop: string;
  readonly first: Position;
  readonly last: Position;
  readonly bytes: number;
  /** Times of receipt of its first and last record. */
  readonly since: number;
  readonly at: number;
}

/** The pages of all shops in LMDB: key (shop, position of the first event), value the records of one commit. */
export class LmdbPages {
  readonly #root: RootDatabase;
  readonly #pages: Database<Buffer, Key>;
  readonly #heads: LmdbHeads;
  readonly #options: StoreOptions;
  readonly #cache: LRUCache<string, Page>;
  readonly #head: (shop: string) => Position;
  readonly #commit: Commit;

  /** `head`: the newest durable position of a shop. */
  constructor(
    root: RootDatabase,
    heads: LmdbHeads,
    options: StoreOptions,
    head: (shop: string) => Position,
    commit: Commit,
  ) {
    this.#root = root;
    this.#heads = heads;
    this.#pages = root.openDB({ name: 'pages', encoding: 'binary' });
    this.#options = options;
    this.#cache = new LRUCache({ maxSize: CACHED_BYTES, sizeCalculation: ({ bytes }) => Math.max(1, bytes) });
    this.#head = head;
    this.#commit = commit;
  }

  /** Call it inside a batch. */
  put(shop: string, first: Position, entries: readonly Entry[]): void {
    void this.#pages.put([shop, first], encodePage(entries));
    const heads = entries.map((entry) => entry.heads);
    this.#heads.put(shop, first, heads, entries.at(-1)?.context.receivedAt ?? 0);
  }

  /** The page with a position, if it is kept. */
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

  /**
   * Events after a position up to another: at most `limit`, up to and including the one that reaches READ_BYTES. Throws UnreadableEvents if the
   * first cannot be read.
   */
  collect(shop: string, after: Position, newest: Position, limit: number): Stored[] {
    const found: Stored[] = [];
    let bytes = 0;
    for (let next = after + 1; next <= newest; ) {
      const page = this.at(shop, next) ?? this.from(shop, next);
      if (page === undefined) break;
      try {
        for (const stored of page.events(next, newest)) {
          found.push(stored);
          bytes += stored.bytes;
          if (found.length >= limit || bytes >= READ_BYTES) return found;
        }
      } catch (error) {
        if (error instanceof UnreadableEvents && found.length > 0) return found;
        throw error;
      }
      next = page.last + 1;
    }
    return found;
  }

  /** The event at a position, if it is kept. Throws UnreadableEvents. */
  one(shop: string, position: Position): Stored | undefined {
    try {
      const [found] = this.collect(shop, position - 1, position, 1);
      return found;
    } catch (error) {
      throw error instanceof UnreadableEvents ? error.at(position) : error;
    }
  }

  oldest(shop: string): Position | undefined {
    const [key] = this.#pages.getKeys({ start: [shop, 0], end: [shop, LAST], limit: 1 });
    return key?.[1];
  }

  /** The last position received before a time. Other work runs between pages. */
  async before(shop: string, time: number): Promise<Position> {
    let position = 0;
    for (let next = await this.#longBefore(shop, time); ; ) {
      const [page] = this.#pages.getRange({ start: [shop, next], end: [shop, LAST], limit: 1 });
      if (page === undefined) return position;
      const first = page.key[1];
      position = first - 1;
      for (const record of recordsOf(page.value)) {
        if (receivedAt(record) >= time) return position;
        position += record.count;
      }
      next = first + 1;
      await nextTurn();
    }
  }

  /**
   * The start of a page before which nothing was received at that time or later. Found by binary search, since the log may have gigabytes. It
   * searches for an earlier time, because after the clock was set back times do not rise with positions.
   */
  async #longBefore(shop: string, time: number): Promise<Position> {
    let low = this.oldest(shop) ?? 0;
    let high = this.#head(shop);
    let first = low;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const [page] = this.#pages.getRange({ start: [shop, middle], end: [shop, 0], reverse: true, limit: 1 });
      const newest = page && recordsOf(page.value).at(-1);
      // Ignore a damaged time.
      if (newest && openRecord(newest) && receivedAt(newest) < time - SET_BACK_MS) {
        low = middle;
        first = page.key[1];
      } else high = middle - 1;
      await nextTurn();
    }
    return first;
  }

  /** The records of the pages with events since a time, oldest first, up to a number of events. One page at a time is in memory. */
  *since(shop: string, time: number, most: number): Generator<{ first: Position; records: RecordSlice[] }> {
    const firsts: Position[] = [];
    let events = 0;
    for (const { key, value } of this.#pages.getRange({ start: [shop, LAST], end: [shop, 0], reverse: true })) {
      const records = recordsOf(value);
      const newest = records.at(-1);
      if ((newest && receivedAt(newest) < time) || events >= most) break;
      firsts.push(key[1]);
      events += countOf(records);
    }
    for (const first of firsts.reverse()) {
      const bytes = this.#pages.get([shop, first]);
      if (bytes) yield { first, records: recordsOf(bytes) };
    }
  }

  /** Removes the oldest pages of a shop while `wanted` says so; gives the number of their events. */
  async removeWhile(shop: string, wanted: (page: OldPage) => boolean): Promise<number> {
    for (let events = 0; ; ) {
      const pages: OldPage[] = [];
      for (let page = this.#oldFrom(shop, 0); page && wanted(page); page = this.#oldFrom(shop, page.first + 1)) {
        pages.push(page);
        if (pages.length === REMOVED_AT_ONCE) break;
        await nextTurn();
      }
      if (pages.length === 0) return events;
      await this.#remove(pages);
      events += pages.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    }
  }

  /** Removes the oldest pages of all shops until this many bytes are gone; yields each removed page. */
  async *removeOldest(shops: Iterable<string>, bytes: number): AsyncGenerator<OldPage> {
    const oldest = new Map<string, OldPage>();
    const look = async (shop: string, from: Position): Promise<void> => {
      const page = this.#oldFrom(shop, from);
      if (page) oldest.set(shop, page);
      else oldest.delete(shop);
      // A page takes up to a megabyte.
      await nextTurn();
    };
    for (const shop of shops) await look(shop, 0);
    for (let excess = bytes; excess > 0 && oldest.size > 0; ) {
      const pages: OldPage[] = [];
      while (excess > 0 && oldest.size > 0 && pages.length < REMOVED_AT_ONCE) {
        const page = [...oldest.values()].reduce((a, b) => (b.since < a.since ? b : a));
        pages.push(page);
        excess -= page.bytes;
        await look(page.shop, page.first + 1);
      }
      await this.#remove(pages);
      yield* pages;
    }
  }

  #oldFrom(shop: string, position: Position): OldPage | undefined {
    const [page] = this.#pages.getRange({ start: [shop, position], end: [shop, LAST], limit: 1 });
    if (page === undefined) return undefined;
    const records = recordsOf(page.value);
    const [oldest, newest] = [records[0], records.at(-1)];
    const first = page.key[1];
    return {
      shop,
      first,
      last: first + countOf(records) - 1,
      bytes: page.value.length,
      since: oldest ? receivedAt(oldest) : 0,
      at: newest ? receivedAt(newest) : 0,
    };
  }

  async #remove(pages: readonly OldPage[]): Promise<void> {
    const write = () => {
      for (const { shop, first, last } of pages) {
        void this.#pages.remove([shop, first]);
        this.#heads.removeUpTo(shop, last);
      }
    };
    await this.#commit(() => this.#root.batch(write));
    for (const { shop, first } of pages) this.#cache.delete(nameOf([shop, first]));
  }

  /** What the pages take of the file, and what is kept beside them. */
  usedBytes(): number {
    return bytesOf(this.#pages) + bytesOf(this.#heads.tree);
  }

  #page(key: Key): Page | undefined {
    const cached = this.#cache.get(nameOf(key));
    if (cached) return cached;
    const [shop, first] = key;
    // A page may be visible shortly before its commit is known to be durable.
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
