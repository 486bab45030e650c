import type { Draft } from '../dialects/dialect.ts';
import { UNKNOWN_KIND } from '../dialects/kind.ts';
import { flagsOf, HEAD_BYTES, type Head, ORDER_BYTES, readHead, writeHead } from './head.ts';
import type { Hasher, OrderHash } from './id-hash.ts';

/** A head and one byte more: in a record the place of its event in the body. */
export const SLOT_BYTES = HEAD_BYTES + 1;

/**
 * The heads of one request's events, one after the other as its record has them, each with the place of its event in the body. They are
 * bytes and no objects: thousands of them wait for a commit at a time, and the garbage collector would look at each.
 */
export class Heads {
  readonly bytes: Buffer;
  #count = 0;
  #orders: (OrderHash | undefined)[] | undefined;

  /** `most`: how many can be added. */
  constructor(most: number) {
    this.bytes = Buffer.allocUnsafe(most * SLOT_BYTES);
  }

  /** Those of events at these places of a body. */
  static of(heads: readonly Head[], places: readonly number[]): Heads {
    const all = new Heads(heads.length);
    for (const [i, head] of heads.entries()) all.#add(head, places[i] ?? 0);
    return all;
  }

  /** Those of a record's events. */
  static from(drafts: readonly Draft[], hasher: Hasher): Heads {
    const all = new Heads(drafts.length);
    for (const draft of drafts) all.add(draft, hasher);
    return all;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds that of one more event. `more`: flags beside those that the draft says. */
  add(draft: Draft, { id: hashOf, order: hashOfOrder }: Hasher, more = 0): void {
    const { bytes } = this;
    const hash = hashOf(draft.id);
    let at = this.#count * SLOT_BYTES;
    // A call of Buffer's for 16 bytes costs more.
    for (let i = 0; i < hash.length; i++) bytes[at++] = hash.charCodeAt(i);
    const kind = draft.kind ?? UNKNOWN_KIND;
    bytes[at++] = kind;
    bytes[at++] = kind >>> 8;
    bytes[at++] = kind >>> 16;
    bytes[at++] = kind >>> 24;
    bytes[at++] = flagsOf(draft, more);
    bytes[at] = draft.index;
    if (draft.order !== undefined) this.#setOrder(this.#count, hashOfOrder(draft.order));
    this.#count += 1;
  }

  /** Puts another head in the place of one. */
  replace(i: number, draft: Draft, hasher: Hasher, more: number): void {
    const one = new Heads(1);
    one.add(draft, hasher, more);
    one.bytes.copy(this.bytes, i * SLOT_BYTES);
    this.#setOrder(i, one.#orders?.[0]);
  }

  /** Moves a head to an earlier place, over the one that is there. */
  move(from: number, to: number): void {
    if (from === to) return;
    this.bytes.copyWithin(to * SLOT_BYTES, from * SLOT_BYTES, (from + 1) * SLOT_BYTES);
    if (this.#orders) this.#setOrder(to, this.#orders[from]);
  }

  /** Forgets those from a place on. */
  cut(count: number): void {
    this.#count = count;
    if (this.#orders) this.#orders.length = Math.min(count, this.#orders.length);
  }

  at(i: number): Head {
    const head = readHead(this.bytes, i * SLOT_BYTES);
    const order = this.#orders?.[i];
    return order === undefined ? head : { ...head, order };
  }

  /** The upper half of the first 64 bits of a hash, by which it is looked for in memory. */
  high(i: number): number {
    return wordAt(this.bytes, i * SLOT_BYTES);
  }

  /** The lower half. */
  low(i: number): number {
    return wordAt(this.bytes, i * SLOT_BYTES + 4);
  }

  placeOf(i: number): number {
    return this.bytes[i * SLOT_BYTES + HEAD_BYTES] ?? 0;
  }

  orderOf(i: number): OrderHash | undefined {
    return this.#orders?.[i];
  }

  get orders(): number {
    return this.#orders?.reduce((sum, order) => (order === undefined ? sum : sum + 1), 0) ?? 0;
  }

  /** How many bytes `write` writes. */
  get length(): number {
    return this.#count * SLOT_BYTES + this.orders * ORDER_BYTES;
  }

  /** Writes all of them, and behind them the orders of those that have one. Gives where they end. */
  write(target: Buffer, start: number): number {
    let at = start + this.bytes.copy(target, start, 0, this.#count * SLOT_BYTES);
    for (const order of this.#orders ?? [])
      if (order !== undefined) at += target.write(order, at, ORDER_BYTES, 'latin1');
    return at;
  }

  #add(head: Head, place: number): void {
    const end = writeHead(this.bytes, this.#count * SLOT_BYTES, head);
    this.bytes[end] = place;
    if (head.order !== undefined) this.#setOrder(this.#count, head.order);
    this.#count += 1;
  }

  #setOrder(i: number, order: OrderHash | undefined): void {
    if (order === undefined && this.#orders === undefined) return;
    this.#orders ??= [];
    while (this.#orders.length < i) this.#orders.push(undefined);
    this.#orders[i] = order;
  }
}

/** Four bytes as a number, the first counts most. */
export const wordAt = (bytes: Buffer, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
