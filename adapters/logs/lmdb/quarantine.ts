import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, RootDatabase } from 'lmdb';
import { type LogRecord, READ_BYTES } from '../log.ts';
import { headOf, indexed, numberOf } from '../quarantine-head.ts';
import type { Page, Quarantined, QuarantinedHead, QuarantineLimit, QuarantineSums } from '../state.ts';
import type { Commit } from './chain.ts';
import { bytesOf } from './pages.ts';

const LAST = Number.MAX_SAFE_INTEGER;
/** Keys that are compared, and entries that leave, in one go. */
const AT_ONCE = 1000;
/** Bodies that are read in one turn while old entries are indexed. */
const INDEXED_AT_ONCE = 20;
/** Numbers of entries that have left are forgotten past this many, once the file says so too. */
const GONE = 10_000;

type Key = (string | number)[];

/** What is written down of a shop's quarantine with every change. `last`: the highest number ever given. */
interface Sums extends QuarantineSums {
  readonly last: number;
}

interface Shop {
  sums: Sums;
  /** Those that leave in a commit under way: the file still has them. */
  readonly gone: Set<number>;
  /** Those of commits under way, which the file has not yet. */
  readonly coming: QuarantinedHead[];
}

export interface QuarantineLimits {
  readonly quarantineMax: number;
  readonly quarantineMaxBytes: number;
  readonly quarantineMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Quarantined events of the embedded log: whole ones, and beside them what lists need, an index of their events' ids, and sums. What a
 * version without these has changed meanwhile is put right by `index`, before anything else is asked.
 */
export class LmdbQuarantine {
  readonly #root: RootDatabase;
  readonly #whole: Database<Quarantined, Key>;
  readonly #heads: Database<QuarantinedHead, Key>;
  readonly #ids: Database<number, Key>;
  readonly #sums: Database<Sums, string>;
  readonly #limits: QuarantineLimits;
  readonly #commit: Commit;
  readonly #shops = new Map<string, Shop>();

  constructor(root: RootDatabase, limits: QuarantineLimits, commit: Commit) {
    this.#root = root;
    this.#whole = root.openDB({ name: 'quarantine', encoding: 'json' });
    this.#heads = root.openDB({ name: 'quarantine-heads', encoding: 'json' });
    this.#ids = root.openDB({ name: 'quarantine-ids', encoding: 'json' });
    this.#sums = root.openDB({ name: 'quarantine-sums', encoding: 'json' });
    this.#limits = limits;
    this.#commit = commit;
  }

  page(shop: string, { limit, after = '0' }: Page): Quarantined[] {
    const found: Quarantined[] = [];
    let bytes = 0;
    for (const { key, value } of this.#heads.getRange({ ...rangeOf(shop, Number(after) + 1), limit })) {
      const whole = this.#whole.get(key);
      if (whole) found.push(whole);
      bytes += value.bytes;
      if (bytes >= READ_BYTES) break;
    }
    return found;
  }

  heads(shop: string, { limit, after = '0' }: Page): QuarantinedHead[] {
    return [...this.#heads.getRange({ ...rangeOf(shop, Number(after) + 1), limit })].map(({ value }) => value);
  }

  at(shop: string, id: string): Quarantined | undefined {
    const number = numberOf(id);
    return number === undefined ? undefined : this.#whole.get([shop, number]);
  }

  about(shop: string, eventId: string, { limit, after = '0' }: Page): QuarantinedHead[] {
    const hash = indexed(eventId);
    const keys = this.#ids.getKeys({ start: [shop, hash, Number(after) + 1], end: [shop, hash, LAST], limit });
    return [...keys].flatMap((key) => this.#heads.get([shop, Number(key[2])]) ?? []);
  }

  sums(shop: string): QuarantineSums {
    const { kept, bytes, dropped } = this.#shop(shop).sums;
    return { kept, bytes, dropped };
  }

  /** Whether an entry is there and does not leave in a commit under way. */
  has(shop: string, id: string): boolean {
    const number = numberOf(id);
    return number !== undefined && !this.#shop(shop).gone.has(number) && this.#heads.doesExist([shop, number]);
  }

  /** Takes out those that are there. To be called inside a batch. */
  remove(shop: string, ids: readonly string[]): void {
    for (const id of ids) {
      const head = this.has(shop, id) ? this.#heads.get([shop, Number(id)]) : undefined;
      if (head) this.#remove(shop, head);
    }
  }

  /** Keeps a record's refused events. To be called inside the batch that stores the record. */
  put({ dialect, context, refused }: LogRecord): void {
    const { shop, receivedAt } = context;
    const of = this.#shop(shop);
    this.#forgetCome(shop);
    for (const { index, id: eventId, name, code, reasons, raw } of refused) {
      // The first number of a shop is a time: also a log that was begun anew gives none a second time.
      const last = of.sums.last === 0 ? Math.max(1, Math.floor(receivedAt)) : of.sums.last + 1;
      const whole = {
        id: String(last),
        shop,
        at: receivedAt,
        dialect,
        code,
        reasons,
        index,
        eventId,
        name,
        raw,
        context,
      };
      const head = this.#index(last, whole);
      void this.#whole.put([shop, last], whole);
      of.coming.push(head);
      of.sums = { ...of.sums, last, kept: of.sums.kept + 1, bytes: of.sums.bytes + head.bytes };
    }
    this.#limit(shop);
    void this.#sums.put(shop, of.sums);
  }

  async discard(shop: string, ids: readonly string[]): Promise<number> {
    const there = [...new Set(ids)].filter((id) => this.has(shop, id));
    if (there.length > 0) await this.#commit(() => this.#root.batch(() => this.remove(shop, there)));
    return there.length;
  }

  async limit(shop: string): Promise<void> {
    const [oldest] = this.#oldest(shop);
    if (this.#excess(shop, oldest) === undefined) return;
    await this.#commit(() =>
      this.#root.batch(() => {
        this.#limit(shop);
        void this.#sums.put(shop, this.#shop(shop).sums);
      }),
    );
  }

  /** Indexes what has no index yet, and forgets what is indexed and gone: some entries a commit. Cheap where nothing is to be done. */
  async index(shops: readonly string[]): Promise<void> {
    const differ = countOf(this.#whole) !== countOf(this.#heads);
    for (const shop of shops) {
      const ends = [this.#whole, this.#heads].map((tree) => String([...endsOf(tree, shop)]));
      if (differ || ends[0] !== ends[1]) await this.#indexShop(shop);
    }
  }

  /** What it takes of the file. */
  usedBytes(): number {
    return [this.#whole, this.#heads, this.#ids, this.#sums].reduce((bytes, tree) => bytes + bytesOf(tree), 0);
  }

  async #indexShop(shop: string): Promise<void> {
    let sums = { ...this.#shop(shop).sums, kept: 0, bytes: 0 };
    for (let from = 0; from <= LAST; ) {
      const of = { ...rangeOf(shop, from), limit: AT_ONCE };
      const whole = [...this.#whole.getKeys(of)].map(([, number]) => Number(number));
      const heads = [...this.#heads.getKeys(of)].map(([, number]) => Number(number));
      // Up to where both are known.
      const upTo = Math.min(...[whole, heads].map((all) => (all.length < AT_ONCE ? LAST : (all.at(-1) ?? LAST))));
      const there = new Set(whole.filter((number) => number <= upTo));
      const known = new Set(heads.filter((number) => number <= upTo));
      const stale = [...known].filter((number) => !there.has(number));
      await this.#commit(() =>
        this.#root.batch(() => {
          for (const number of stale) this.#forget(shop, number, this.#heads.get([shop, number]) ?? {});
        }),
      );
      const missing = [...there].filter((number) => !known.has(number));
      for (let i = 0; i < missing.length; i += INDEXED_AT_ONCE) {
        const some = missing.slice(i, i + INDEXED_AT_ONCE);
        await this.#commit(() =>
          this.#root.batch(() => {
            for (const number of some) {
              const entry = this.#whole.get([shop, number]);
              if (entry) this.#index(number, entry);
            }
          }),
        );
        await nextTurn();
      }
      for (const number of there) {
        sums = { ...sums, kept: sums.kept + 1, bytes: sums.bytes + (this.#heads.get([shop, number])?.bytes ?? 0) };
      }
      sums = { ...sums, last: Math.max(sums.last, ...there) };
      if (upTo === LAST) break;
      from = upTo + 1;
      await nextTurn();
    }
    this.#shop(shop).sums = sums;
    await this.#commit(() => this.#sums.put(shop, sums));
  }

  #index(number: number, entry: Quarantined): QuarantinedHead {
    const head = headOf(entry);
    void this.#heads.put([entry.shop, number], head);
    if (entry.eventId !== undefined) void this.#ids.put([entry.shop, indexed(entry.eventId), number], 0);
    return head;
  }

  /** Takes out what the index has of an entry that is gone. */
  #forget(shop: string, number: number, { eventId }: Pick<QuarantinedHead, 'eventId'>): void {
    if (eventId !== undefined) void this.#ids.remove([shop, indexed(eventId), number]);
    void this.#heads.remove([shop, number]);
  }

  #remove(shop: string, head: QuarantinedHead): void {
    const of = this.#shop(shop);
    const number = Number(head.id);
    if (of.gone.size >= GONE) for (const one of of.gone) if (!this.#heads.doesExist([shop, one])) of.gone.delete(one);
    of.gone.add(number);
    this.#forget(shop, number, head);
    void this.#whole.remove([shop, number]);
    of.sums = { ...of.sums, kept: of.sums.kept - 1, bytes: of.sums.bytes - head.bytes };
    void this.#sums.put(shop, of.sums);
  }

  #forgetCome(shop: string): void {
    const { gone, coming } = this.#shop(shop);
    let come = 0;
    for (const { id } of coming) {
      if (!gone.has(Number(id)) && !this.#heads.doesExist([shop, Number(id)])) break;
      come += 1;
    }
    coming.splice(0, come);
  }

  /** Lets the oldest go past the limits. To be called inside a batch. */
  #limit(shop: string): void {
    const of = this.#shop(shop);
    for (const head of this.#oldest(shop)) {
      const limit = this.#excess(shop, head);
      if (limit === undefined) break;
      this.#remove(shop, head);
      of.sums = { ...of.sums, dropped: { ...of.sums.dropped, [limit]: of.sums.dropped[limit] + 1 } };
    }
  }

  /** Which limit says that the oldest entry must go. */
  #excess(shop: string, oldest: QuarantinedHead | undefined): QuarantineLimit | undefined {
    const { kept, bytes } = this.#shop(shop).sums;
    const { quarantineMax, quarantineMaxBytes, quarantineMs, now } = this.#limits;
    if (oldest === undefined) return undefined;
    if (kept > quarantineMax) return 'count';
    if (bytes > quarantineMaxBytes) return 'bytes';
    return oldest.at < now() - quarantineMs ? 'age' : undefined;
  }

  /** From the oldest, those left out that leave already. */
  *#oldest(shop: string): Generator<QuarantinedHead> {
    const { gone, coming } = this.#shop(shop);
    const limit = AT_ONCE + gone.size;
    let [seen, last] = [0, 0];
    for (const { key, value } of this.#heads.getRange({ ...rangeOf(shop, 0), limit })) {
      [seen, last] = [seen + 1, Number(key[1])];
      if (!gone.has(last)) yield value;
    }
    if (seen === limit) return;
    for (const head of coming) if (Number(head.id) > last && !gone.has(Number(head.id))) yield head;
  }

  #shop(name: string): Shop {
    let shop = this.#shops.get(name);
    if (shop === undefined) {
      const nothing = { last: 0, kept: 0, bytes: 0, dropped: { count: 0, bytes: 0, age: 0 } };
      shop = { sums: this.#sums.get(name) ?? nothing, gone: new Set(), coming: [] };
      this.#shops.set(name, shop);
    }
    return shop;
  }
}

const rangeOf = (shop: string, from: number) => ({ start: [shop, from], end: [shop, LAST] });

/** The first and the last number that a tree has of a shop. */
function* endsOf(tree: Database<unknown, Key>, shop: string): Generator<unknown> {
  for (const [, first] of tree.getKeys({ ...rangeOf(shop, 0), limit: 1 })) yield first;
  for (const [, last] of tree.getKeys({ start: [shop, LAST], end: [shop, 0], reverse: true, limit: 1 })) yield last;
}

const countOf = (tree: Database<unknown, Key>): number => (tree.getStats() as { entryCount: number }).entryCount;
