import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Head } from '../head.ts';
import type {
  EventLog,
  Extent,
  LogRecord,
  Place,
  Position,
  Rest,
  Stored,
  Tally,
  Trimmed,
  TrimOptions,
  Verdict,
} from '../log.ts';
import { LogUnavailable } from '../log.ts';
import { isAnother, renamer } from '../reused.ts';
import type { StoreOptions } from '../store.ts';
import { counted, NOTHING } from '../tally.ts';
import { LmdbArrivals } from './arrivals.ts';
import type { Chain } from './chain.ts';
import { Dedup } from './dedup.ts';
import type { LmdbHeads } from './heads.ts';
import { LookBacks } from './lookback.ts';
import type { LmdbPages } from './pages.ts';
import { remember, timeOfNewest } from './remember.ts';
import {
  type Arrival,
  arrivalOf,
  arrivalOfReused,
  byShop,
  changed,
  firstOf,
  type Hashing,
  hasIdOf,
  knownAt,
  paged,
  positionOf,
  type ShopLog,
  seeming,
  type Waiting,
  wake,
} from './shop.ts';
import type { LmdbState } from './state.ts';

/** Two commits in flight: the second collects and copies while the first syncs. */
const COMMITS_IN_FLIGHT = 2;
const WAITING_BYTES = 64 * 1024 * 1024;
/** So many blocks of heads are looked through in one turn. */
const BLOCKS_A_TURN = 64;

const NOTHING_KNOWN: ReadonlyMap<Position, Head> = new Map();

/** What an LMDB log is made of. */
export interface LmdbLogParts {
  readonly chain: Chain;
  readonly state: LmdbState;
  readonly pages: LmdbPages;
  readonly heads: LmdbHeads;
  readonly hashing: Hashing;
  /** Writes down how far the log has come. */
  readonly keepMark: () => Promise<void>;
}

/** The embedded log: one LMDB entry per shop and commit. One process writes it. */
export class LmdbLog implements EventLog {
  readonly durability: StoreOptions['durability'];
  failure: Error | undefined;
  readonly #parts: LmdbLogParts;
  readonly #pages: LmdbPages;
  readonly #arrivals: LmdbArrivals;
  readonly #state: LmdbState;
  readonly #options: StoreOptions;
  readonly #dedup: Dedup;
  readonly #lookBacks = new LookBacks();
  readonly #shops = new Map<string, ShopLog>();
  #group: Waiting[] = [];
  #committing: Waiting[][] = [];
  #waitingBytes = 0;
  #flushScheduled = false;
  #closed = false;

  constructor(parts: LmdbLogParts, options: StoreOptions) {
    const { state, pages, heads } = parts;
    this.#parts = parts;
    this.durability = options.durability;
    this.#pages = pages;
    this.#arrivals = new LmdbArrivals(pages);
    this.#state = state;
    this.#options = options;
    this.#dedup = new Dedup(options);
    const shops = state.shops().map((name) => this.#shop(name));
    const { now, dedupMs, dedupMax } = options;
    const since = timeOfNewest(heads, dedupMax, shops, { since: now() - dedupMs, now: now() });
    for (const shop of shops) remember(heads, this.#dedup, shop, since);
  }

  append(record: LogRecord, onJoined: () => void = () => {}): Promise<Verdict[]> {
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    const shop = this.#shop(record.context.shop);
    const hashing = this.#hashingOf(shop);
    const arrivals = record.events.map((draft) => arrivalOf(draft, hashing));
    if (seeming(shop, arrivals, 0, shop.committed).length > 0)
      return this.#joinConfirmed(shop, record, arrivals, onJoined);
    onJoined();
    return this.#join(shop, record, arrivals, NOTHING_KNOWN);
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

  async find(name: string, eventId: string): Promise<Stored | undefined> {
    const shop = this.#shop(name);
    const arrival = arrivalOf({ id: eventId, index: 0 }, this.#parts.hashing);
    const { heads } = this.#parts;
    const isHere = (position: Position): boolean => {
      const head = position <= shop.committed ? heads.at(name, position) : undefined;
      return head !== undefined && hasIdOf(head, arrival);
    };
    const position = positionOf(shop, arrival, isHere) || (await this.#search(shop, arrival));
    if (position === 0) return undefined;
    return this.#pages.one(name, position);
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

  tallies(shops: readonly string[]): Promise<Tally[]> {
    return Promise.all(shops.map((shop) => this.tally(shop)));
  }

  async shops(): Promise<string[]> {
    return this.#state.shops();
  }

  async heads(shops: readonly string[]): Promise<Position[]> {
    return shops.map((shop) => this.head(shop));
  }

  async rests(places: readonly Place[]): Promise<Rest[]> {
    const rests: Rest[] = [];
    for (const { shop, after } of places) {
      const newest = this.head(shop);
      rests.push({ newest, oldestAt: newest > after ? await this.#arrivals.first(shop, after) : undefined });
    }
    return rests;
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
    await this.#parts.keepMark();
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

  /** As much of what the log knows as is needed to hash ids for a shop. */
  #hashingOf(shop: ShopLog): Hashing {
    const { hashing } = this.#parts;
    return shop.oldUpTo > shop.known.ids.floor ? hashing : { hasher: hashing.hasher };
  }

  /** Joins the next commit when it is read which of the arrivals are on the disk already. */
  async #joinConfirmed(
    shop: ShopLog,
    record: LogRecord,
    arrivals: readonly Arrival[],
    onJoined: () => void,
  ): Promise<Verdict[]> {
    const known = new Map<Position, Head>();
    const heads = new Map<Position, Head | undefined>();
    // What is committed meanwhile is looked at too, so nothing is left when it joins.
    for (let from = 0; from < shop.committed; ) {
      const upTo = shop.committed;
      const found = seeming(shop, arrivals, from, upTo);
      const turn = found.length > 0 ? this.#lookBacks.ask(shop.name, found.length) : undefined;
      if (turn !== undefined) {
        await turn;
        const refusal = this.#refusal();
        if (refusal) throw refusal;
      }
      for (const { arrival, position } of found) {
        if (!heads.has(position)) heads.set(position, this.#parts.heads.at(shop.name, position));
        const head = heads.get(position);
        if (head && hasIdOf(head, arrival)) known.set(position, head);
      }
      from = upTo;
    }
    onJoined();
    return this.#join(shop, record, arrivals, known);
  }

  #join(
    shop: ShopLog,
    record: LogRecord,
    arrivals: readonly Arrival[],
    known: ReadonlyMap<Position, Head>,
  ): Promise<Verdict[]> {
    return new Promise((resolve, reject) => {
      this.#group.push(this.#admit({ shop, record, resolve, reject }, arrivals, known));
      this.#waitingBytes += record.body.length;
      this.#scheduleFlush();
    });
  }

  /** Gives every new event its position and finds the duplicates; nothing is durable yet. `known`: the heads at positions on the disk. */
  #admit(
    { shop, record, resolve, reject }: Pick<Waiting, 'shop' | 'record' | 'resolve' | 'reject'>,
    arrivals: readonly Arrival[],
    known: ReadonlyMap<Position, Head>,
  ): Waiting {
    const first = shop.given + 1;
    const verdicts: Verdict[] = [];
    const fresh: Arrival[] = [];
    const isReleased = this.#release(shop, record);
    const { contents } = this.#options;
    const renaming = contents && renamer(contents, record);
    for (const [place, sent] of arrivals.entries()) {
      let arrival = sent;
      let renamed: Pick<Verdict, 'id'> | undefined;
      let at = knownAt(shop, arrival, (position) => known.get(position) ?? shop.pending.get(position));
      const head = known.get(at) ?? shop.pending.get(at);
      if (renaming && head && isAnother(head, arrival.head)) {
        const draft = renaming(place);
        renamed = { id: draft.id };
        arrival = arrivalOfReused(draft, this.#parts.hashing);
        at = knownAt(
          shop,
          arrival,
          (position) => shop.pending.get(position) ?? this.#parts.heads.at(shop.name, position),
        );
      }
      if (at !== 0 || !isReleased) {
        verdicts.push({ kind: 'duplicate', position: at, ...renamed });
        continue;
      }
      shop.given += 1;
      shop.known.ids.add(arrival.fingerprint, shop.given);
      shop.pending.set(shop.given, arrival.head);
      verdicts.push({ kind: 'stored', position: shop.given, ...renamed });
      fresh.push(arrival);
    }
    const counts = isReleased ? record : { ...record, events: [], refused: [], released: [] };
    shop.tally = counted(shop.tally, counts, fresh.length);
    const { dialect, context, body } = record;
    const [indexes, heads] = [fresh.map(({ index }) => index), fresh.map(({ head }) => head)];
    const entry = fresh.length > 0 ? { dialect, context, body, indexes, heads } : undefined;
    return { shop, record: counts, first, entry, verdicts, resolve, reject };
  }

  /** Whether all that a record brings out of quarantine is there, and no other record brings it. */
  #release(shop: ShopLog, { released = [] }: LogRecord): boolean {
    if (released.some(({ id }) => shop.releasing.has(id) || !this.#state.quarantine.has(shop.name, id))) return false;
    for (const { id } of released) shop.releasing.add(id);
    return true;
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
    const written = this.#parts.chain(() => {
      for (const [shop, waiting] of byShop(group)) {
        for (const page of paged(waiting)) {
          const entries = page.flatMap(({ entry }) => entry ?? []);
          if (entries.length > 0) this.#pages.put(shop.name, firstOf(page), entries);
        }
        for (const { record } of waiting) {
          if (record.refused.length > 0) this.#state.quarantine.put(record);
          if (record.released)
            this.#state.quarantine.remove(
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
    for (const { shop, record, first, entry, verdicts, resolve } of group) {
      const last = first + (entry?.heads.length ?? 0) - 1;
      for (let position = first; position <= last; position++) shop.pending.delete(position);
      for (const { id } of record.released ?? []) shop.releasing.delete(id);
      shop.committed = Math.max(shop.committed, last);
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

  /** Looks through a shop's log for an id that dedup has forgotten: through its heads, and where there are none through its pages. Lets others run between. */
  async #search(shop: ShopLog, arrival: Arrival): Promise<Position> {
    const { heads } = this.#parts;
    let blocks = 0;
    for (const block of heads.backwards(shop.name, shop.known.ids.floor)) {
      const hit = block.heads.find(({ head }) => hasIdOf(head, arrival));
      if (hit) return hit.position;
      if (++blocks % BLOCKS_A_TURN === 0) await nextTurn();
    }
    const end = heads.oldest(shop.name) ?? shop.committed + 1;
    for (let next = 0; ; ) {
      const page = this.#pages.from(shop.name, next);
      if (page === undefined || page.first >= end) return 0;
      const hit = page.positionOf((head) => hasIdOf(head, arrival));
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
      shop = {
        ...{ name, known: this.#dedup.open(), oldUpTo: 0, given: at, committed: at, tally },
        ...{ pending: new Map(), releasing: new Set(), readers: new Set() },
      };
      this.#shops.set(name, shop);
    }
    return shop;
  }

  async #trimJournals(shop: string): Promise<void> {
    const { oldest } = await this.extent(shop);
    for (const id of this.#state.cursors.of(shop)) await this.#state.trim(id, oldest);
  }
}
