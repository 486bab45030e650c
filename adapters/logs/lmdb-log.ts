import type { RootDatabase } from 'lmdb';
import { Dedup, type KnownIds } from './dedup.ts';
import type { Fingerprint } from './ids.ts';
import type { Chain } from './lmdb-chain.ts';
import { LmdbPages } from './lmdb-pages.ts';
import type { LmdbState } from './lmdb-state.ts';
import type { EventLog, Extent, LogRecord, Position, Stored, Tally, Trimmed, TrimOptions, Verdict } from './log.ts';
import { LogUnavailable } from './log.ts';
import type { Entry } from './record.ts';
import type { StoreOptions } from './store.ts';
import { counted, NOTHING } from './tally.ts';

/** Two commits in flight: the second collects and copies while the first syncs. */
const COMMITS_IN_FLIGHT = 2;
const PAGE_BYTES = 1024 * 1024;
const WAITING_BYTES = 64 * 1024 * 1024;

/** What the log knows of one shop without reading. */
interface ShopLog {
  readonly name: string;
  readonly known: KnownIds;
  /** The last position given out, and the last that is durable. */
  given: Position;
  committed: Position;
  tally: Tally;
  readonly readers: Set<() => void>;
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
  readonly #chain: Chain;
  readonly #pages: LmdbPages;
  readonly #state: LmdbState;
  readonly #fingerprint: (id: string) => Fingerprint;
  readonly #options: StoreOptions;
  readonly #keepMark: () => Promise<void>;
  readonly #dedup: Dedup;
  readonly #shops = new Map<string, ShopLog>();
  #group: Waiting[] = [];
  #committing: Waiting[][] = [];
  #waitingBytes = 0;
  #flushScheduled = false;
  #closed = false;

  /** `keepMark`: writes down how far the log has come. */
  constructor(
    root: RootDatabase,
    chain: Chain,
    state: LmdbState,
    fingerprint: (id: string) => Fingerprint,
    options: StoreOptions,
    keepMark: () => Promise<void>,
  ) {
    this.#keepMark = keepMark;
    this.durability = options.durability;
    this.#chain = chain;
    this.#pages = new LmdbPages(root, options, (shop) => this.head(shop));
    this.#state = state;
    this.#fingerprint = fingerprint;
    this.#options = options;
    this.#dedup = new Dedup(options);
    const { now, dedupMs, dedupMax } = options;
    const since = this.#pages.timeOfNewest(dedupMax, state.shops(), { since: now() - dedupMs, now: now() });
    for (const name of state.shops()) {
      const { known, committed } = this.#shop(name);
      let first = committed + 1;
      this.#pages.rememberSince(name, since, (fingerprint, position, at) => {
        known.ids.add(fingerprint, position);
        this.#dedup.markBack(known, { at, position });
        first = position;
      });
      known.ids.forget(first - 1);
    }
  }

  append(record: LogRecord): Promise<Verdict[]> {
    if (this.failure) return Promise.reject(new LogUnavailable('the log has failed', { cause: this.failure }));
    if (this.#closed) return Promise.reject(new LogUnavailable('the log is closed'));
    const obstacle = this.#options.obstacle?.();
    if (obstacle !== undefined) return Promise.reject(new LogUnavailable(obstacle));
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
      const found = this.#pages.collect(shop, from, newest, limit);
      if (found.length > 0 || signal.aborted || this.#closed) return found;
      // Whatever lies between cannot be read, now or ever.
      from = newest;
      if (log.committed <= from) await changed(log, signal);
    }
  }

  async find(shop: string, eventId: string): Promise<Stored | undefined> {
    const log = this.#shop(shop);
    const fingerprint = this.#fingerprint(eventId);
    const { ids } = log.known;
    let found = ids.find(
      fingerprint,
      (position) => position <= log.committed && this.#holds(log, position, fingerprint, eventId),
    );
    if (found === 0) found = await this.#search(shop, fingerprint, eventId, ids.floor);
    if (found === 0) return undefined;
    return this.#pages.collect(shop, found - 1, log.committed, 1)[0];
  }

  async extent(shop: string): Promise<Extent> {
    const newest = this.head(shop);
    return { oldest: this.#pages.oldest(shop) ?? newest + 1, newest };
  }

  async before(shop: string, time: number): Promise<Position> {
    return this.#pages.before(shop, time);
  }

  async tally(shop: string): Promise<Tally> {
    return this.#state.tally(shop) ?? NOTHING;
  }

  async trim({ before, passed, maxBytes }: TrimOptions): Promise<Trimmed> {
    this.#dedup.forgetOld();
    // To remove is to write too.
    const obstacle = this.#options.obstacle?.();
    if (obstacle !== undefined) throw new LogUnavailable(obstacle);
    let events = 0;
    const unpassed: Record<string, number> = {};
    for (const shop of this.#shops.keys()) {
      const removed = await this.#pages.removeWhile(
        shop,
        (page) => page.last <= passed(shop) && page.at < before.getTime(),
      );
      events += removed.events;
    }
    for (let excess = this.#pages.usedBytes() - maxBytes; excess > 0; ) {
      const shop = this.#shopOfOldestPage();
      if (shop === undefined) break;
      let left = 1;
      const removed = await this.#pages.removeWhile(shop, () => left-- > 0);
      const lost = Math.max(0, removed.last - Math.max(passed(shop), removed.last - removed.events));
      if (lost > 0) unpassed[shop] = (unpassed[shop] ?? 0) + lost;
      events += removed.events;
      excess -= removed.bytes;
    }
    for (const shop of this.#shops.keys()) await this.#trimJournals(shop);
    await this.#keepMark();
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

  /** What the pages take of the file. */
  usedBytes(): number {
    return this.#pages.usedBytes();
  }

  /** The newest durable position of a shop. */
  head(shop: string): Position {
    return this.#shop(shop).committed;
  }

  /**
   * After a failed commit of the file, this log's or the state's, nobody knows what the disk holds, so nothing is written again in
   * this process: the next commit may well succeed on a disk that has lost the last, and LMDB, once it has failed, may break the heap.
   */
  fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    const unavailable = new LogUnavailable('the commit failed', { cause: error });
    for (const { reject } of [...this.#committing.flat(), ...this.#group]) reject(unavailable);
    this.#committing = [];
    this.#group = [];
    this.#options.onFailure(error);
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
      const known = shop.known.ids.find(fingerprint, (at) =>
        at >= first ? ids[at - first] === id : this.#holds(shop, at, fingerprint, id),
      );
      if (known !== 0) {
        verdicts.push({ kind: 'duplicate', position: known });
        continue;
      }
      shop.given += 1;
      shop.known.ids.add(fingerprint, shop.given);
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
      (error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))),
    );
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const written = this.#chain(() => {
      for (const [shop, waiting] of byShop(group)) {
        for (const page of paged(waiting)) {
          const entries = page.flatMap(({ entry }) => entry ?? []);
          if (entries.length > 0) this.#pages.put(shop.name, firstOf(page), entries);
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
    if (!(await written)) throw new Error('the commit before it is not in the file');
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
      this.#dedup.mark(shop.known, shop.committed);
      wake(shop);
    }
    this.#flush();
  }

  /** Whether the event at this position has this id. */
  #holds(shop: ShopLog, position: Position, fingerprint: Fingerprint, id: string): boolean {
    if (position <= shop.committed)
      return this.#pages.at(shop.name, position)?.holds(position, fingerprint, id) ?? false;
    for (const { shop: of, first, ids } of [...this.#committing.flat(), ...this.#group]) {
      if (of === shop && position >= first && position < first + ids.length) return ids[position - first] === id;
    }
    return false;
  }

  /** Looks through the headers of a shop's log for an id that dedup has forgotten, up to where it has. Lets others run between pages. */
  async #search(shop: string, fingerprint: Fingerprint, id: string, upTo: Position): Promise<Position> {
    for (let next = 0; ; ) {
      const page = this.#pages.from(shop, next);
      if (page === undefined || page.first > upTo) return 0;
      const hit = page.positionsOf(fingerprint).find((position) => page.holds(position, fingerprint, id));
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
      shop = { name, known: this.#dedup.open(), given: at, committed: at, tally, readers: new Set() };
      this.#shops.set(name, shop);
    }
    return shop;
  }

  async #trimJournals(shop: string): Promise<void> {
    const { oldest } = await this.extent(shop);
    for (const id of this.#state.pipelines(shop)) await this.#state.trimJournal(id, oldest);
  }

  #shopOfOldestPage(): string | undefined {
    let oldest: { shop: string; at: number } | undefined;
    for (const shop of this.#shops.keys()) {
      const at = this.#pages.oldestTime(shop);
      if (at !== undefined && (!oldest || at < oldest.at)) oldest = { shop, at };
    }
    return oldest?.shop;
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
