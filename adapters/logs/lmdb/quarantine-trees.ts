import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, RootDatabase } from 'lmdb';
import { headOf, indexed } from '../quarantine-head.ts';
import type { Quarantined, QuarantinedHead, QuarantineSums } from '../state/quarantine.ts';
import type { Commit } from './chain.ts';
import { bytesOf } from './pages.ts';

const LAST = Number.MAX_SAFE_INTEGER;
/** Keys compared at once. */
const COMPARED_AT_ONCE = 1000;
/** Bodies read in one turn while old entries are indexed. */
const INDEXED_AT_ONCE = 20;

type Key = (string | number)[];

/** A shop's quarantine sums, saved with every change. `last`: the highest number ever given. */
export interface Sums extends QuarantineSums {
  readonly last: number;
}

/** Storage of quarantined events in an embedded log: whole entries, heads for lists, an index of event ids, and sums. */
export class QuarantineTrees {
  readonly whole: Database<Quarantined, Key>;
  readonly heads: Database<QuarantinedHead, Key>;
  readonly ids: Database<number, Key>;
  readonly sums: Database<Sums, string>;
  readonly #root: RootDatabase;
  readonly #commit: Commit;

  constructor(root: RootDatabase, commit: Commit) {
    this.whole = root.openDB({ name: 'quarantine', encoding: 'json' });
    this.heads = root.openDB({ name: 'quarantine-heads', encoding: 'json' });
    this.ids = root.openDB({ name: 'quarantine-ids', encoding: 'json' });
    this.sums = root.openDB({ name: 'quarantine-sums', encoding: 'json' });
    this.#root = root;
    this.#commit = commit;
  }

  /** One commit for all that `write` changes. */
  batch(write: () => void): Promise<void> {
    return this.#commit(() => this.#root.batch(write));
  }

  /** Adds an entry to the heads and the index. Call it inside a batch. */
  index(number: number, entry: Quarantined): QuarantinedHead {
    const head = headOf(entry);
    void this.heads.put([entry.shop, number], head);
    if (entry.eventId !== undefined) void this.ids.put([entry.shop, indexed(entry.eventId), number], 0);
    return head;
  }

  /** Removes an entry from the heads and the index. Call it inside a batch. */
  unindex(shop: string, number: number, { eventId }: Pick<QuarantinedHead, 'eventId'>): void {
    if (eventId !== undefined) void this.ids.remove([shop, indexed(eventId), number]);
    void this.heads.remove([shop, number]);
  }

  /** The shops whose index does not match their entries. Cheap if there are none. */
  unlike(shops: readonly string[]): string[] {
    const differ = countOf(this.whole) !== countOf(this.heads);
    return shops.filter((shop) => {
      const ends = [this.whole, this.heads].map((tree) => String([...endsOf(tree, shop)]));
      return differ || ends[0] !== ends[1];
    });
  }

  /** Indexes entries without an index and forgets indexed entries that are gone, some per commit. Gives new sums. */
  async reindex(shop: string, known: Sums): Promise<Sums> {
    let sums = { ...known, kept: 0, bytes: 0 };
    for (let from = 0; from <= LAST; ) {
      const of = { ...rangeOf(shop, from), limit: COMPARED_AT_ONCE };
      const whole = [...this.whole.getKeys(of)].map(([, number]) => Number(number));
      const heads = [...this.heads.getKeys(of)].map(([, number]) => Number(number));
      // Up to the point where both are known.
      const ends = [whole, heads].map((all) => (all.length < COMPARED_AT_ONCE ? LAST : (all.at(-1) ?? LAST)));
      const upTo = Math.min(...ends);
      const there = new Set(whole.filter((number) => number <= upTo));
      const indexedHere = new Set(heads.filter((number) => number <= upTo));
      const stale = [...indexedHere].filter((number) => !there.has(number));
      await this.batch(() => {
        for (const number of stale) this.unindex(shop, number, this.heads.get([shop, number]) ?? {});
      });
      await this.#indexMissing(
        shop,
        [...there].filter((number) => !indexedHere.has(number)),
      );
      for (const number of there) {
        sums = { ...sums, kept: sums.kept + 1, bytes: sums.bytes + (this.heads.get([shop, number])?.bytes ?? 0) };
      }
      sums = { ...sums, last: Math.max(sums.last, ...there) };
      if (upTo === LAST) break;
      from = upTo + 1;
      await nextTurn();
    }
    return sums;
  }

  async saveSums(shop: string, sums: Sums): Promise<void> {
    await this.#commit(() => this.sums.put(shop, sums));
  }

  usedBytes(): number {
    return [this.whole, this.heads, this.ids, this.sums].reduce((bytes, tree) => bytes + bytesOf(tree), 0);
  }

  async #indexMissing(shop: string, missing: readonly number[]): Promise<void> {
    for (let i = 0; i < missing.length; i += INDEXED_AT_ONCE) {
      const some = missing.slice(i, i + INDEXED_AT_ONCE);
      await this.batch(() => {
        for (const number of some) {
          const entry = this.whole.get([shop, number]);
          if (entry) this.index(number, entry);
        }
      });
      await nextTurn();
    }
  }
}

export const rangeOf = (shop: string, from: number) => ({ start: [shop, from], end: [shop, LAST] });

/** The first and the last number that a tree has of a shop. */
function* endsOf(tree: Database<unknown, Key>, shop: string): Generator<unknown> {
  for (const [, first] of tree.getKeys({ ...rangeOf(shop, 0), limit: 1 })) yield first;
  for (const [, last] of tree.getKeys({ start: [shop, LAST], end: [shop, 0], reverse: true, limit: 1 })) yield last;
}

const countOf = (tree: Database<unknown, Key>): number => (tree.getStats() as { entryCount: number }).entryCount;
