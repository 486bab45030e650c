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
import type { StoreOptions } from '../store.ts';
import { NOTHING } from '../tally.ts';
import { LmdbAdmission } from './admission.ts';
import { LmdbArrivals } from './arrivals.ts';
import { Dedup } from './dedup.ts';
import { GroupCommit } from './group-commit.ts';
import type { LmdbPages } from './pages.ts';
import type { LmdbLogParts } from './parts.ts';
import { Pending } from './pending.ts';
import { remember, timeOfNewest } from './remember.ts';
import { type Arrivals, arrivalsOf, changed, hasIdOf, positionOf, type ShopLog, seeming, wake } from './shop.ts';
import type { LmdbState } from './state.ts';

/** Above this many bytes that wait for a commit, further requests are refused. */
const WAITING_BYTES = 64 * 1024 * 1024;
/** Blocks of heads that are searched in one turn of the event loop. */
const BLOCKS_A_TURN = 64;

const NOTHING_KNOWN: ReadonlyMap<Position, Head> = new Map();

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
  readonly #admission: LmdbAdmission;
  readonly #commits: GroupCommit;
  readonly #shops = new Map<string, ShopLog>();
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
    this.#admission = new LmdbAdmission(parts, options.contents);
    this.#commits = new GroupCommit({
      parts,
      onCommitted: (shop) => {
        this.#dedup.mark(shop.known, shop.committed);
        wake(shop);
      },
      onFailure: (error) => this.fail(error),
    });
    const shops = state.shops().map((name) => this.#shop(name));
    const { now, dedupMs, dedupMax } = options;
    const since = timeOfNewest(heads, dedupMax, shops, { since: now() - dedupMs, now: now() });
    for (const shop of shops) remember(heads, this.#dedup, shop, since);
  }

  append(record: LogRecord, onJoined: () => void = () => {}): Promise<Verdict[]> {
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    const shop = this.#shop(record.context.shop);
    const arrivals = this.#admission.arrivals(shop, record);
    if (seeming(shop, arrivals, 0, shop.committed).length > 0) return this.#lookBack(shop, record, arrivals, onJoined);
    onJoined();
    return this.#join(shop, record, arrivals, NOTHING_KNOWN);
  }

  async read(shop: string, after: Position, limit: number, signal: AbortSignal): Promise<Stored[]> {
    const log = this.#shop(shop);
    for (let from = after; ; ) {
      const newest = log.committed;
      const found = this.#pages.collect(shop, from, newest, limit);
      if (found.length > 0 || signal.aborted || this.#closed) return found;
      // The events in between can never be read: skip them.
      from = newest;
      if (log.committed <= from) await changed(log, signal);
    }
  }

  async find(name: string, eventId: string): Promise<Stored | undefined> {
    const shop = this.#shop(name);
    const arrivals = arrivalsOf([{ id: eventId, index: 0 }], this.#parts.hashing);
    const { heads } = this.#parts;
    const isHere = (position: Position): boolean => {
      const head = position <= shop.committed ? heads.at(name, position) : undefined;
      return head !== undefined && hasIdOf(head, arrivals, 0);
    };
    const position = positionOf(shop, arrivals, 0, isHere) || (await this.#search(shop, arrivals));
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
    // Removing also writes.
    const blocked = this.#options.writesBlockedBy?.();
    if (blocked !== undefined) throw new LogUnavailable(blocked);
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
    await this.#commits.drained();
    for (const shop of this.#shops.values()) wake(shop);
  }

  /** What the pages take of the file. */
  usedBytes(): number {
    return this.#pages.usedBytes();
  }

  /** When the event at a position was received, in milliseconds since 1970; undefined if it cannot be read any more. */
  receivedAt(shop: string, position: Position): number | undefined {
    return this.#pages.at(shop, position)?.receivedAt(position);
  }

  /** The newest durable position of a shop. */
  head(shop: string): Position {
    return this.#shop(shop).committed;
  }

  /**
   * After a failed commit, of this log or of the state, nobody knows what the disk holds. So this process never writes again: the next commit
   * might succeed on a disk that has lost the last one, and LMDB may corrupt the heap once it has failed.
   */
  fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    this.#commits.fail(error);
    this.#options.onFailure(error);
  }

  #refusal(): LogUnavailable | undefined {
    if (this.failure) return new LogUnavailable('the log has failed', { cause: this.failure });
    if (this.#closed) return new LogUnavailable('the log is closed');
    const blocked = this.#options.writesBlockedBy?.();
    if (blocked !== undefined) return new LogUnavailable(blocked);
    return this.#commits.waitingBytes > WAITING_BYTES ? new LogUnavailable('the disk cannot keep up') : undefined;
  }

  #refuse(): void {
    const refusal = this.#refusal();
    if (refusal) throw refusal;
  }

  /** Joins a commit after checking which arrivals are stored already. */
  async #lookBack(shop: ShopLog, record: LogRecord, arrivals: Arrivals, onJoined: () => void): Promise<Verdict[]> {
    const known = await this.#admission.known(shop, arrivals, () => this.#refuse());
    onJoined();
    return this.#join(shop, record, arrivals, known);
  }

  #join(shop: ShopLog, record: LogRecord, arrivals: Arrivals, known: ReadonlyMap<Position, Head>): Promise<Verdict[]> {
    return new Promise((resolve, reject) => {
      this.#commits.add(this.#admission.admit({ shop, record, resolve, reject }, arrivals, known));
    });
  }

  /**
   * Searches a shop's log for an id that dedup has forgotten: in its heads, and in its pages where there are no heads. Other work runs in
   * between.
   */
  async #search(shop: ShopLog, arrivals: Arrivals): Promise<Position> {
    const { heads } = this.#parts;
    let blocks = 0;
    for (const block of heads.backwards(shop.name, shop.known.ids.floor)) {
      for (let position = block.last; position >= block.first; position--)
        if (block.has(position) && hasIdOf(block.head(position), arrivals, 0)) return position;
      if (++blocks % BLOCKS_A_TURN === 0) await nextTurn();
    }
    const end = heads.oldest(shop.name) ?? shop.committed + 1;
    for (let next = 0; ; ) {
      const page = this.#pages.from(shop.name, next);
      if (page === undefined || page.first >= end) return 0;
      const hit = page.positionOf((head) => hasIdOf(head, arrivals, 0));
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
        ...{ pending: new Pending(), releasing: new Set(), readers: new Set() },
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
