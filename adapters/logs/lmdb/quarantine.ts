import type { RootDatabase } from 'lmdb';
import { type LogRecord, READ_BYTES } from '../log.ts';
import { indexed, numberOf } from '../quarantine-head.ts';
import type { Quarantine, Quarantined, QuarantinedHead, QuarantineLimit, QuarantineSums } from '../state/quarantine.ts';
import type { Page } from '../state/shared.ts';
import type { Commit } from './chain.ts';
import { QuarantineTrees, rangeOf, type Sums } from './quarantine-trees.ts';

const LAST = Number.MAX_SAFE_INTEGER;
/** Entries removed at once. */
const AT_ONCE = 1000;
/** Above this many, the numbers of removed entries are forgotten once the file is up to date. */
const GONE = 10_000;

interface Shop {
  sums: Sums;
  /** Entries removed by a commit in progress: the file still has them. */
  readonly gone: Set<number>;
  /** Entries of commits in progress, which the file does not have yet. */
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
 * Quarantined events of the embedded log. Versions without an index may have changed entries; `index` repairs that before anything else is
 * asked.
 */
export class LmdbQuarantine implements Quarantine {
  readonly #trees: QuarantineTrees;
  readonly #limits: QuarantineLimits;
  readonly #shops = new Map<string, Shop>();

  constructor(root: RootDatabase, limits: QuarantineLimits, commit: Commit) {
    this.#trees = new QuarantineTrees(root, commit);
    this.#limits = limits;
  }

  async page(shop: string, { limit, after = '0' }: Page): Promise<Quarantined[]> {
    const { heads, whole: all } = this.#trees;
    const found: Quarantined[] = [];
    let bytes = 0;
    for (const { key, value } of heads.getRange({ ...rangeOf(shop, Number(after) + 1), limit })) {
      const whole = all.get(key);
      if (whole) found.push(whole);
      bytes += value.bytes;
      if (bytes >= READ_BYTES) break;
    }
    return found;
  }

  async heads(shop: string, { limit, after = '0' }: Page): Promise<QuarantinedHead[]> {
    return [...this.#trees.heads.getRange({ ...rangeOf(shop, Number(after) + 1), limit })].map(({ value }) => value);
  }

  async at(shop: string, id: string): Promise<Quarantined | undefined> {
    const number = numberOf(id);
    return number === undefined ? undefined : this.#trees.whole.get([shop, number]);
  }

  async about(shop: string, eventId: string, { limit, after = '0' }: Page): Promise<QuarantinedHead[]> {
    const hash = indexed(eventId);
    const keys = this.#trees.ids.getKeys({ start: [shop, hash, Number(after) + 1], end: [shop, hash, LAST], limit });
    return [...keys].flatMap((key) => this.#trees.heads.get([shop, Number(key[2])]) ?? []);
  }

  async sums(shops: readonly string[]): Promise<QuarantineSums[]> {
    return shops.map((shop) => {
      const { kept, bytes, dropped } = this.#shop(shop).sums;
      return { kept, bytes, dropped };
    });
  }

  /** Whether an entry exists and is not being removed. */
  has(shop: string, id: string): boolean {
    const number = numberOf(id);
    return number !== undefined && !this.#shop(shop).gone.has(number) && this.#trees.heads.doesExist([shop, number]);
  }

  /** Removes those that exist. Call it inside a batch. */
  remove(shop: string, ids: readonly string[]): void {
    for (const id of ids) {
      const head = this.has(shop, id) ? this.#trees.heads.get([shop, Number(id)]) : undefined;
      if (head) this.#remove(shop, head);
    }
  }

  /** Keeps a record's refused events. Call it inside the batch that stores the record. */
  put({ dialect, context, refused }: LogRecord): void {
    const { shop, receivedAt } = context;
    const of = this.#shop(shop);
    this.#forgetCome(shop);
    for (const { index, id: eventId, name, code, reasons, raw } of refused) {
      // The first number of a shop is a time, so that a log that starts anew repeats no number.
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
      const head = this.#trees.index(last, whole);
      void this.#trees.whole.put([shop, last], whole);
      of.coming.push(head);
      of.sums = { ...of.sums, last, kept: of.sums.kept + 1, bytes: of.sums.bytes + head.bytes };
    }
    this.#limit(shop);
    void this.#trees.sums.put(shop, of.sums);
  }

  async discard(shop: string, ids: readonly string[]): Promise<number> {
    const there = [...new Set(ids)].filter((id) => this.has(shop, id));
    if (there.length > 0) await this.#trees.batch(() => this.remove(shop, there));
    return there.length;
  }

  async limit(shops: readonly string[]): Promise<void> {
    for (const shop of shops) {
      const [oldest] = this.#oldest(shop);
      if (this.#excess(shop, oldest) === undefined) continue;
      await this.#trees.batch(() => {
        this.#limit(shop);
        void this.#trees.sums.put(shop, this.#shop(shop).sums);
      });
    }
  }

  /** Repairs the index. Cheap if there is nothing to do. */
  async index(shops: readonly string[]): Promise<void> {
    for (const shop of this.#trees.unlike(shops)) {
      const sums = await this.#trees.reindex(shop, this.#shop(shop).sums);
      this.#shop(shop).sums = sums;
      await this.#trees.saveSums(shop, sums);
    }
  }

  /** What it takes of the file. */
  usedBytes(): number {
    return this.#trees.usedBytes();
  }

  #remove(shop: string, head: QuarantinedHead): void {
    const of = this.#shop(shop);
    const number = Number(head.id);
    if (of.gone.size >= GONE)
      for (const one of of.gone) if (!this.#trees.heads.doesExist([shop, one])) of.gone.delete(one);
    of.gone.add(number);
    this.#trees.unindex(shop, number, head);
    void this.#trees.whole.remove([shop, number]);
    of.sums = { ...of.sums, kept: of.sums.kept - 1, bytes: of.sums.bytes - head.bytes };
    void this.#trees.sums.put(shop, of.sums);
  }

  #forgetCome(shop: string): void {
    const { gone, coming } = this.#shop(shop);
    let come = 0;
    for (const { id } of coming) {
      if (!gone.has(Number(id)) && !this.#trees.heads.doesExist([shop, Number(id)])) break;
      come += 1;
    }
    coming.splice(0, come);
  }

  /** Removes the oldest above the limits. Call it inside a batch. */
  #limit(shop: string): void {
    const of = this.#shop(shop);
    for (const head of this.#oldest(shop)) {
      const limit = this.#excess(shop, head);
      if (limit === undefined) break;
      this.#remove(shop, head);
      of.sums = { ...of.sums, dropped: { ...of.sums.dropped, [limit]: of.sums.dropped[limit] + 1 } };
    }
  }

  /** The limit that the oldest entry exceeds. */
  #excess(shop: string, oldest: QuarantinedHead | undefined): QuarantineLimit | undefined {
    const { kept, bytes } = this.#shop(shop).sums;
    const { quarantineMax, quarantineMaxBytes, quarantineMs, now } = this.#limits;
    if (oldest === undefined) return undefined;
    if (kept > quarantineMax) return 'count';
    if (bytes > quarantineMaxBytes) return 'bytes';
    return oldest.at < now() - quarantineMs ? 'age' : undefined;
  }

  /** Oldest first, without those that are being removed. */
  *#oldest(shop: string): Generator<QuarantinedHead> {
    const { gone, coming } = this.#shop(shop);
    const limit = AT_ONCE + gone.size;
    let [seen, last] = [0, 0];
    for (const { key, value } of this.#trees.heads.getRange({ ...rangeOf(shop, 0), limit })) {
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
      shop = { sums: this.#trees.sums.get(name) ?? nothing, gone: new Set(), coming: [] };
      this.#shops.set(name, shop);
    }
    return shop;
  }
}
