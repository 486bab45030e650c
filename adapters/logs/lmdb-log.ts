import type { Database, RootDatabase } from 'lmdb';
import { LRUCache } from 'lru-cache';
import { type Fingerprint, IdTable } from './ids.ts';
import type { LmdbState } from './lmdb-state.ts';
import type { EventLog, Extent, LogRecord, Position, Stored, Tally, Trimmed, TrimOptions, Verdict } from './log.ts';
import { LogUnavailable } from './log.ts';
import {
  type Entry,
  encodePage,
  fingerprintAt,
  openRecord,
  type RecordSlice,
  receivedAt,
  recordsOf,
} from './record.ts';
import type { StoreOptions } from './store.ts';
import { counted, NOTHING } from './tally.ts';

const LAST = Number.MAX_SAFE_INTEGER;
/** Two commits in flight: the second collects and copies while the first syncs. */
const COMMITS_IN_FLIGHT = 2;
const PAGE_BYTES = 1024 * 1024;
const WAITING_BYTES = 64 * 1024 * 1024;
const CACHED_PAGE_BYTES = 6 * 1024 * 1024;
const TRIM_PAGES = 100;

type PageKey = [shop: string, first: Position];

/** What the log knows of one shop without reading. */
interface ShopLog {
  readonly name: string;
  readonly ids: IdTable;
  /** The last position given out, and the last that is durable. */
  given: Position;
  committed: Position;
  tally: Tally;
  readonly readers: Set<() => void>;
  /** When positions were reached, so that old ids can be forgotten by time. */
  readonly marks: { readonly at: number; readonly position: Position }[];
}

/** A record on its way to the disk. `first` is the position of its first new event. */
interface Waiting {
  readonly shop: ShopLog;
  readonly record: LogRecord;
  readonly first: Position;
  readonly entry: Entry | undefined;
  readonly ids: readonly string[];
  readonly verdicts: Verdict[];
  readonly resolve: (verdicts: Verdict[]) => void;
  readonly reject: (error: Error) => void;
}

/** The embedded log: one LMDB entry per shop and commit. One process writes it. */
export class LmdbLog implements EventLog {
  readonly durability: StoreOptions['durability'];
  failure: Error | undefined;
  readonly #root: RootDatabase;
  readonly #pages: Database<Buffer, PageKey>;
  readonly #state: LmdbState;
  readonly #fingerprint: (id: string) => Fingerprint;
  readonly #options: StoreOptions;
  readonly #shops = new Map<string, ShopLog>();
  readonly #cache: LRUCache<string, CachedPage>;
  #group: Waiting[] = [];
  #committing: Waiting[][] = [];
  #waitingBytes = 0;
  #flushScheduled = false;
  #closed = false;

  constructor(root: RootDatabase, state: LmdbState, fingerprint: (id: string) => Fingerprint, options: StoreOptions) {
    this.durability = options.durability;
    this.#root = root;
    this.#pages = root.openDB({ name: 'pages', encoding: 'binary' });
    this.#state = state;
    this.#fingerprint = fingerprint;
    this.#options = options;
    this.#cache = new LRUCache({ maxSize: CACHED_PAGE_BYTES, sizeCalculation: (page) => Math.max(1, page.bytes) });
    for (const shop of state.shops()) this.#remember(this.#shop(shop));
  }

  append(record: LogRecord): Promise<Verdict[]> {
    if (this.failure) return Promise.reject(new LogUnavailable('the log has failed', { cause: this.failure }));
    if (this.#closed) return Promise.reject(new LogUnavailable('the log is closed'));
    if (this.#waitingBytes > WAITING_BYTES) return Promise.reject(new LogUnavailable('the disk cannot keep up'));
    return new Promise((resolve, reject) => {
      this.#group.push(this.#admit(record, resolve, reject));
      this.#waitingBytes += record.body.length;
      this.#scheduleFlush();
    });
  }

  async read(shop: string, after: Position, limit: number, signal: AbortSignal): Promise<Stored[]> {
    const log = this.#shop(shop);
    for (let from = after; ; ) {
      const newest = log.committed;
      const found = this.#collect(shop, from, limit, newest);
      if (found.length > 0 || signal.aborted || this.#closed) return found;
      // Whatever lies between cannot be read, now or ever.
      from = newest;
      if (log.committed <= from) await changed(log, signal);
    }
  }

  async find(shop: string, eventId: string): Promise<Stored | undefined> {
    const log = this.#shop(shop);
    const fingerprint = this.#fingerprint(eventId);
    let found = log.ids.find(
      fingerprint,
      (position) => position <= log.committed && this.#holds(log, position, eventId),
    );
    if (found === 0) found = await this.#search(log, fingerprint, eventId);
    if (found === 0) return undefined;
    return this.#collect(shop, found - 1, 1, log.committed)[0];
  }

  async extent(shop: string): Promise<Extent> {
    const [first] = this.#pages.getKeys({ start: [shop, 0], end: [shop, LAST], limit: 1 });
    const newest = this.head(shop);
    return { oldest: first?.[1] ?? newest + 1, newest };
  }

  async before(shop: string, time: number): Promise<Position> {
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

  async tally(shop: string): Promise<Tally> {
    return this.#state.tally(shop) ?? NOTHING;
  }

  async trim({ before, passed, maxBytes }: TrimOptions): Promise<Trimmed> {
    this.#forgetOldIds();
    let events = 0;
    const unpassed: Record<string, number> = {};
    for (const shop of this.#shops.keys()) {
      const removed = await this.#removeWhile(shop, (page) => page.last <= passed(shop) && page.at < before.getTime());
      events += removed.events;
    }
    for (let excess = this.#usedBytes() - maxBytes; excess > 0; ) {
      const shop = this.#shopOfOldestPage();
      if (shop === undefined) break;
      let left = 1;
      const removed = await this.#removeWhile(shop, () => left-- > 0);
      const lost = Math.max(0, removed.last - Math.max(passed(shop), removed.last - removed.events));
      if (lost > 0) unpassed[shop] = (unpassed[shop] ?? 0) + lost;
      events += removed.events;
      excess -= removed.bytes;
    }
    for (const shop of this.#shops.keys()) await this.#trimJournals(shop);
    return { events, unpassed };
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#group.length + this.#committing.length > 0 && !this.failure) {
      this.#flush();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const shop of this.#shops.values()) wake(shop);
  }

  /** The newest durable position of a shop. */
  head(shop: string): Position {
    return this.#shop(shop).committed;
  }

  /** Gives every new event its position and finds the duplicates; nothing is durable yet. */
  #admit(record: LogRecord, resolve: Waiting['resolve'], reject: Waiting['reject']): Waiting {
    const shop = this.#shop(record.context.shop);
    const first = shop.given + 1;
    const verdicts: Verdict[] = [];
    const indexes: number[] = [];
    const fingerprints: Fingerprint[] = [];
    const ids: string[] = [];
    for (const { id, index } of record.events) {
      const fingerprint = this.#fingerprint(id);
      const known = shop.ids.find(fingerprint, (at) =>
        at >= first ? ids[at - first] === id : this.#holds(shop, at, id),
      );
      if (known !== 0) {
        verdicts.push({ kind: 'duplicate', position: known });
        continue;
      }
      shop.given += 1;
      shop.ids.add(fingerprint, shop.given);
      verdicts.push({ kind: 'stored', position: shop.given });
      indexes.push(index);
      fingerprints.push(fingerprint);
      ids.push(id);
    }
    shop.tally = counted(shop.tally, record, ids.length);
    const entry =
      ids.length > 0
        ? { dialect: record.dialect, context: record.context, body: record.body, indexes, fingerprints }
        : undefined;
    return { shop, record, first, entry, ids, verdicts, resolve, reject };
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // After the requests that are already read have been admitted too: they share the commit.
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#group.length === 0 || this.#committing.length >= COMMITS_IN_FLIGHT || this.failure) return;
    const group = this.#group;
    this.#group = [];
    this.#committing.push(group);
    this.#write(group).then(
      () => this.#committed(group),
      (error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    );
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const written = this.#root.batch(() => {
      for (const [shop, waiting] of byShop(group)) {
        for (const page of paged(waiting)) {
          const entries = page.flatMap(({ entry }) => entry ?? []);
          if (entries.length > 0) void this.#pages.put([shop.name, firstOf(page)], encodePage(entries));
        }
        for (const { record } of waiting) {
          if (record.refused.length > 0) this.#state.putRefused(record);
          if (record.released)
            this.#state.removeQuarantined(
              shop.name,
              record.released.map(({ id }) => id),
            );
        }
        this.#state.putTally(shop.name, shop.tally);
      }
    });
    if (!(await written)) throw new Error('the commit was refused');
  }

  #committed(group: readonly Waiting[]): void {
    this.#committing = this.#committing.filter((other) => other !== group);
    const touched = new Set<ShopLog>();
    for (const { shop, record, first, ids, verdicts, resolve } of group) {
      shop.committed = Math.max(shop.committed, first + ids.length - 1);
      this.#waitingBytes -= record.body.length;
      touched.add(shop);
      resolve(verdicts);
    }
    for (const shop of touched) {
      this.#mark(shop);
      wake(shop);
    }
    this.#flush();
  }

  /** After a failed commit nobody knows what the disk holds, so nothing is tried again in this process. */
  #fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    const unavailable = new LogUnavailable('the commit failed', { cause: error });
    for (const { reject } of [...this.#committing.flat(), ...this.#group]) reject(unavailable);
    this.#committing = [];
    this.#group = [];
    this.#options.onFailure(error);
  }

  /** Whether the event at this position has this id. */
  #holds(shop: ShopLog, position: Position, id: string): boolean {
    if (position > shop.committed) {
      for (const { shop: of, first, ids } of [...this.#committing.flat(), ...this.#group]) {
        if (of === shop && position >= first && position < first + ids.length) return ids[position - first] === id;
      }
      return false;
    }
    const page = this.#pageOf(shop.name, position);
    const slice = page?.sliceOf(position);
    if (page === undefined || slice === undefined) return false;
    // Most ids stand in the body as they are, and finding them there costs a hundredth of mapping the record.
    if (slice.page.subarray(slice.offset, slice.offset + slice.length).includes(id)) return true;
    return page.events(position, position).some(({ event }) => event.event_id === id);
  }

  #collect(shop: string, after: Position, limit: number, newest: Position): Stored[] {
    const found: Stored[] = [];
    let next = after + 1;
    while (found.length < limit && next <= newest) {
      const page = this.#pageOf(shop, next) ?? this.#pageFrom(shop, next);
      if (page === undefined) break;
      const from = Math.max(next, page.first);
      const to = Math.min(page.last, newest, from + limit - found.length - 1);
      found.push(...page.events(from, to));
      next = to + 1;
    }
    return found;
  }

  /** The page that holds a position, if it is kept. */
  #pageOf(shop: string, position: Position): CachedPage | undefined {
    const [key] = this.#pages.getKeys({ start: [shop, position], end: [shop, 0], reverse: true, limit: 1 });
    const page = key && this.#page(key);
    return page && page.last >= position ? page : undefined;
  }

  /** The first page after a position. */
  #pageFrom(shop: string, position: Position): CachedPage | undefined {
    const [key] = this.#pages.getKeys({ start: [shop, position], end: [shop, LAST], limit: 1 });
    return key && this.#page(key);
  }

  #page(key: PageKey): CachedPage | undefined {
    const name = `${key[0]}/${key[1]}`;
    const cached = this.#cache.get(name);
    if (cached) return cached;
    const bytes = this.#pages.get(key);
    if (bytes === undefined) return undefined;
    const page = new CachedPage(key, bytes, this.#options);
    this.#cache.set(name, page);
    return page;
  }

  /** Looks through the headers of a shop's log for an id that dedup has forgotten. Lets others run between pages. */
  async #search(log: ShopLog, [high, low]: Fingerprint, id: string): Promise<Position> {
    for (let next = 0; ; ) {
      const [key] = this.#pages.getKeys({ start: [log.name, next], end: [log.name, LAST], limit: 1 });
      const page = key && this.#page(key);
      if (page === undefined) return 0;
      const hit = page
        .positions(([a, b]) => a === high && b === low)
        .find((position) => this.#holds(log, position, id));
      if (hit !== undefined) return hit;
      next = page.last + 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #shop(name: string): ShopLog {
    let shop = this.#shops.get(name);
    if (shop === undefined) {
      const tally = this.#state.tally(name) ?? NOTHING;
      const at = tally.appended;
      shop = { name, ids: new IdTable(), given: at, committed: at, tally, readers: new Set(), marks: [] };
      this.#shops.set(name, shop);
    }
    return shop;
  }

  /** Rebuilds the dedup table of a shop from the pages of the dedup window, oldest first. */
  #remember(shop: ShopLog): void {
    const since = this.#options.now() - this.#options.dedupMs;
    const keys: PageKey[] = [];
    for (const { key, value } of this.#pages.getRange({
      start: [shop.name, LAST],
      end: [shop.name, 0],
      reverse: true,
    })) {
      const newest = recordsOf(value).at(-1);
      if (newest && receivedAt(newest) < since) break;
      keys.push(key);
    }
    for (const key of keys.reverse()) {
      let position = key[1];
      for (const record of recordsOf(this.#pages.get(key) ?? Buffer.alloc(0))) {
        for (let i = 0; i < record.count; i++) shop.ids.add(fingerprintAt(record, i), position++);
      }
    }
    this.#mark(shop);
  }

  #mark(shop: ShopLog): void {
    const at = this.#options.now();
    const newest = shop.marks.at(-1);
    if (newest && at - newest.at < 60_000) return;
    shop.marks.push({ at, position: shop.committed });
  }

  #forgetOldIds(): void {
    const since = this.#options.now() - this.#options.dedupMs;
    for (const { marks, ids } of this.#shops.values()) {
      while (marks[1] && marks[1].at < since) marks.shift();
      if (marks[0] && marks[0].at < since) ids.forget(marks[0].position);
    }
  }

  /** Removes pages from the oldest on, as long as `wanted` says so. */
  async #removeWhile(shop: string, wanted: (page: { last: Position; at: number }) => boolean): Promise<Removed> {
    const removed = { events: 0, bytes: 0, last: 0 };
    for (let done = false; !done; ) {
      done = true;
      let count = 0;
      for (const { key, value } of this.#pages.getRange({ start: [shop, 0], end: [shop, LAST], limit: TRIM_PAGES })) {
        const records = recordsOf(value);
        const events = records.reduce((sum, record) => sum + record.count, 0);
        const newest = records.at(-1);
        const last = key[1] + events - 1;
        if (!wanted({ last, at: newest ? receivedAt(newest) : 0 })) break;
        void this.#pages.remove(key);
        this.#cache.delete(`${key[0]}/${key[1]}`);
        removed.events += events;
        removed.bytes += value.length;
        removed.last = last;
        count += 1;
      }
      if (count === TRIM_PAGES) done = false;
      if (count > 0) await this.#pages.committed;
    }
    return removed;
  }

  async #trimJournals(shop: string): Promise<void> {
    const { oldest } = await this.extent(shop);
    for (const id of this.#state.pipelines(shop)) await this.#state.trimJournal(id, oldest);
  }

  #shopOfOldestPage(): string | undefined {
    let oldest: { shop: string; at: number } | undefined;
    for (const shop of this.#shops.keys()) {
      const [first] = this.#pages.getRange({ start: [shop, 0], end: [shop, LAST], limit: 1 });
      const record = first && recordsOf(first.value)[0];
      if (record && (!oldest || receivedAt(record) < oldest.at)) oldest = { shop, at: receivedAt(record) };
    }
    return oldest?.shop;
  }

  #usedBytes(): number {
    const stats = this.#pages.getStats() as Record<string, number>;
    const pages = (stats.treeBranchPageCount ?? 0) + (stats.treeLeafPageCount ?? 0) + (stats.overflowPages ?? 0);
    return pages * (stats.pageSize ?? 4096);
  }
}

interface Removed {
  readonly events: number;
  readonly bytes: number;
  readonly last: Position;
}

/** A page in memory; events are made record by record, once, for all pipelines that come by. */
class CachedPage {
  readonly first: Position;
  readonly last: Position;
  readonly bytes: number;
  readonly #shop: string;
  readonly #records: { readonly slice: RecordSlice; readonly first: Position; events?: readonly Stored[] }[] = [];
  readonly #options: StoreOptions;

  constructor([shop, first]: PageKey, page: Buffer, options: StoreOptions) {
    this.#shop = shop;
    this.#options = options;
    this.bytes = page.length;
    this.first = first;
    let next = first;
    for (const slice of recordsOf(page)) {
      this.#records.push({ slice, first: next });
      next += slice.count;
    }
    this.last = next - 1;
  }

  sliceOf(position: Position): RecordSlice | undefined {
    return this.#records.find(({ first, slice }) => position >= first && position < first + slice.count)?.slice;
  }

  positions(wanted: (fingerprint: Fingerprint) => boolean): Position[] {
    const found: Position[] = [];
    for (const { slice, first } of this.#records) {
      for (let i = 0; i < slice.count; i++) if (wanted(fingerprintAt(slice, i))) found.push(first + i);
    }
    return found;
  }

  events(from: Position, to: Position): Stored[] {
    const found: Stored[] = [];
    for (const record of this.#records) {
      if (record.first > to || record.first + record.slice.count <= from) continue;
      record.events ??= this.#open(record.slice, record.first);
      for (const stored of record.events) if (stored.position >= from && stored.position <= to) found.push(stored);
    }
    return found;
  }

  #open(slice: RecordSlice, first: Position): readonly Stored[] {
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

/** Splits what one shop gets in one commit into pages of about PAGE_BYTES. */
function* paged(waiting: readonly Waiting[]): Generator<Waiting[]> {
  let page: Waiting[] = [];
  let bytes = 0;
  for (const one of waiting) {
    if (bytes > 0 && bytes + one.record.body.length > PAGE_BYTES) {
      yield page;
      page = [];
      bytes = 0;
    }
    page.push(one);
    bytes += one.record.body.length;
  }
  yield page;
}

const firstOf = (page: readonly Waiting[]): Position => page.find(({ entry }) => entry)?.first ?? 0;

function byShop(group: readonly Waiting[]): Map<ShopLog, Waiting[]> {
  const shops = new Map<ShopLog, Waiting[]>();
  for (const one of group) {
    const same = shops.get(one.shop);
    if (same) same.push(one);
    else shops.set(one.shop, [one]);
  }
  return shops;
}

function changed(shop: ShopLog, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      shop.readers.delete(done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    shop.readers.add(done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function wake(shop: ShopLog): void {
  for (const reader of [...shop.readers]) reader();
}
