import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RootDatabase } from 'lmdb';
import type { Draft } from '../dialects/dialect.ts';
import { Dedup, type KnownIds } from './dedup.ts';
import type { Fingerprint } from './ids.ts';
import type { Chain, Commit } from './lmdb-chain.ts';
import { LmdbPages } from './lmdb-pages.ts';
import type { LmdbState } from './lmdb-state.ts';
import type { EventLog, Extent, LogRecord, Position, Stored, Tally, Trimmed, TrimOptions, Verdict } from './log.ts';
import { LogUnavailable } from './log.ts';
import type { Page } from './page.ts';
import type { Entry } from './record.ts';
import type { StoreOptions } from './store.ts';
import { counted, NOTHING } from './tally.ts';

/** Two commits in flight: the second collects and copies while the first syncs. */
const COMMITS_IN_FLIGHT = 2;
const PAGE_BYTES = 1024 * 1024;
const WAITING_BYTES = 64 * 1024 * 1024;
/** So many pages are looked into in one turn to confirm duplicates: each may have records of 256 KB that must be parsed for it. */
const PAGES_A_TURN = 2;
/** So many appends at a time may take further turns for it. */
const MOST_LOOKING_BACK = 256;

const NOTHING_KNOWN: ReadonlyMap<Position, string> = new Map();

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

/** An event that is to be stored, unless it is already. */
type Arrival = Draft & { readonly fingerprint: Fingerprint };

type Seeming = Arrival & { readonly position: Position };

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
  readonly #lookingBack = new Set<LogRecord>();
  #turns: Promise<void> = Promise.resolve();
  #closed = false;

  /** `keepMark`: writes down how far the log has come. */
  constructor(
    root: RootDatabase,
    chain: Chain,
    state: LmdbState,
    fingerprint: (id: string) => Fingerprint,
    options: StoreOptions,
    commit: Commit,
    keepMark: () => Promise<void>,
  ) {
    this.#keepMark = keepMark;
    this.durability = options.durability;
    this.#chain = chain;
    this.#pages = new LmdbPages(root, options, (shop) => this.head(shop), commit);
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
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    const shop = this.#shop(record.context.shop);
    const arrivals = record.events.map(({ id, index }) => ({ id, index, fingerprint: this.#fingerprint(id) }));
    return seeming(shop, arrivals, 0, shop.committed).length === 0
      ? this.#join(shop, record, arrivals, NOTHING_KNOWN)
      : this.#joinConfirmed(shop, record, arrivals);
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
      (position) =>
        position <= log.committed && this.#pages.at(shop, position)?.holds(position, fingerprint, eventId) === true,
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
      events += await this.#pages.removeWhile(shop, (page) => page.last <= passed(shop) && page.at < before.getTime());
    }
    const excess = this.#pages.usedBytes() - maxBytes;
    for await (const { shop, first, last } of this.#pages.removeOldest(this.#shops.keys(), excess)) {
      const lost = Math.max(0, last - Math.max(passed(shop), first - 1));
      if (lost > 0) unpassed[shop] = (unpassed[shop] ?? 0) + lost;
      events += last - first + 1;
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

  /** When the event at a position was received, in milliseconds since 1970; undefined where it cannot be read any more. */
  receivedAt(shop: string, position: Position): number | undefined {
    return this.#pages.at(shop, position)?.receivedAt(position);
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

  #refusal(): LogUnavailable | undefined {
    if (this.failure) return new LogUnavailable('the log has failed', { cause: this.failure });
    if (this.#closed) return new LogUnavailable('the log is closed');
    const obstacle = this.#options.obstacle?.();
    if (obstacle !== undefined) return new LogUnavailable(obstacle);
    return this.#waitingBytes > WAITING_BYTES ? new LogUnavailable('the disk cannot keep up') : undefined;
  }

  /** Joins the next commit when it is read which of the arrivals are on the disk already. Lets others run between pages. */
  async #joinConfirmed(shop: ShopLog, record: LogRecord, arrivals: readonly Arrival[]): Promise<Verdict[]> {
    const known = new Map<Position, string>();
    let page: Page | undefined;
    let pages = 0;
    try {
      // What is committed meanwhile is looked at too, so nothing is left when it joins.
      for (let from = 0; from < shop.committed; ) {
        const upTo = shop.committed;
        for (const { position, id, fingerprint } of seeming(shop, arrivals, from, upTo)) {
          if (page === undefined || position < page.first || position > page.last) {
            if (pages === PAGES_A_TURN) {
              await this.#turnOf(record);
              pages = 0;
            }
            page = this.#pages.at(shop.name, position);
            pages += 1;
          }
          if (page?.holds(position, fingerprint, id)) known.set(position, id);
        }
        from = upTo;
      }
    } finally {
      this.#lookingBack.delete(record);
    }
    return this.#join(shop, record, arrivals, known);
  }

  /** The next turn in which this record's events may be confirmed: one record has it at a time, so that many cost a turn no more than one. */
  async #turnOf(record: LogRecord): Promise<void> {
    if (this.#lookingBack.size === MOST_LOOKING_BACK && !this.#lookingBack.has(record))
      throw new LogUnavailable('too many events are being compared with what is far back on the log');
    this.#lookingBack.add(record);
    this.#turns = this.#turns.then(() => nextTurn());
    await this.#turns;
    const refusal = this.#refusal();
    if (refusal) throw refusal;
  }

  #join(
    shop: ShopLog,
    record: LogRecord,
    arrivals: readonly Arrival[],
    known: ReadonlyMap<Position, string>,
  ): Promise<Verdict[]> {
    return new Promise((resolve, reject) => {
      this.#group.push(this.#admit({ shop, record, resolve, reject }, arrivals, known));
      this.#waitingBytes += record.body.length;
      this.#scheduleFlush();
    });
  }

  /** Gives every new event its position and finds the duplicates; nothing is durable yet. `known`: the ids at positions on the disk. */
  #admit(
    { shop, record, resolve, reject }: Pick<Waiting, 'shop' | 'record' | 'resolve' | 'reject'>,
    arrivals: readonly Arrival[],
    known: ReadonlyMap<Position, string>,
  ): Waiting {
    const first = shop.given + 1;
    const verdicts: Verdict[] = [];
    const indexes: number[] = [];
    const fingerprints: Fingerprint[] = [];
    const ids: string[] = [];
    for (const { id, index, fingerprint } of arrivals) {
      const at = shop.known.ids.find(fingerprint, (position) => {
        if (position >= first) return ids[position - first] === id;
        return position <= shop.committed ? known.get(position) === id : this.#isWaiting(shop, position, id);
      });
      if (at !== 0) {
        verdicts.push({ kind: 'duplicate', position: at });
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

  /** Whether the event that gets this position has this id. */
  #isWaiting(shop: ShopLog, position: Position, id: string): boolean {
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
      await nextTurn();
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
}

/** The arrivals that seem to be on the disk, after a position and up to another, by what is remembered of all ids. */
function seeming({ known }: ShopLog, arrivals: readonly Arrival[], from: Position, upTo: Position): Seeming[] {
  const found: Seeming[] = [];
  let arrival: Arrival | undefined;
  // One for all of them, since nearly every event comes by here for nothing.
  const note = (position: Position): boolean => {
    if (arrival && position > from && position <= upTo) found.push({ ...arrival, position });
    return false;
  };
  for (arrival of arrivals) known.ids.find(arrival.fingerprint, note);
  return found;
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
