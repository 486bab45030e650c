import type { Database, RootDatabase } from 'lmdb';
import { flagsAt, HAS_ORDER, HEAD_BYTES, type Head, ORDER_BYTES, readHead } from '../head.ts';
import { type Heads, SLOT_BYTES, wordAt } from '../heads.ts';
import type { OrderHash } from '../id-hash.ts';
import type { Position } from '../log.ts';

const LAST = Number.MAX_SAFE_INTEGER;
/** Heads per block: five such blocks fit on one LMDB page. */
const IN_BLOCK = 32;
/** Time of receipt of the last event (f64), and number of slots (u8). */
const HEADER = 9;
/** Behind a head its slot says with 1 that it has one. */
const SLOT = SLOT_BYTES;

type Key = [shop: string, block: number];

/** A block of heads, decoded. */
export class Block {
  /** Time of receipt of the last event, in milliseconds since 1970. */
  readonly at: number;
  /** The positions that it has room for so far. Of the oldest not all may have heads. */
  readonly first: Position;
  readonly last: Position;
  readonly #bytes: Buffer;

  constructor(number: number, bytes: Buffer) {
    this.first = firstIn(number);
    this.last = this.first + slotsIn(bytes) - 1;
    this.#bytes = bytes;
    this.at = bytes.readDoubleLE(0);
  }

  get count(): number {
    let count = 0;
    for (let position = this.first; position <= this.last; position++) if (this.has(position)) count += 1;
    return count;
  }

  has(position: Position): boolean {
    return hasHead(this.#bytes, position - this.first);
  }

  /** Of a position that has one. */
  head(position: Position): Head {
    return headIn(this.#bytes, position - this.first) as Head;
  }

  /** The upper half of the first 64 bits of its hash. */
  high(position: Position): number {
    return wordAt(this.#bytes, this.#at(position));
  }

  /** The lower half. */
  low(position: Position): number {
    return wordAt(this.#bytes, this.#at(position) + 4);
  }

  flags(position: Position): number {
    return flagsAt(this.#bytes, this.#at(position));
  }

  #at(position: Position): number {
    return HEADER + (position - this.first) * SLOT;
  }
}

/** The block that is being filled. */
interface Filling {
  readonly block: number;
  readonly bytes: Buffer;
  slots: number;
  /** Of those of its heads that have one. */
  readonly orders: OrderHash[];
}

/**
 * The heads of all events, apart from their bodies: key (shop, block of 32 positions). To check whether an id is known, some hundred bytes are
 * read and not a page of a megabyte. Heads are written with the pages and can be rebuilt from them.
 */
export class LmdbHeads {
  readonly #heads: Database<Buffer, Key>;
  readonly #filling = new Map<string, Filling>();

  constructor(root: RootDatabase) {
    this.#heads = root.openDB({ name: 'heads', encoding: 'binary' });
  }

  /** Appends the heads of the events from a position on. `at`: time of receipt of the last one. Call it inside a batch. */
  put(shop: string, first: Position, lists: readonly Heads[], at: number): void {
    let filling = this.#filling.get(shop);
    let position = first;
    for (const heads of lists) {
      for (let i = 0; i < heads.count; i++, position++) {
        const block = blockOf(position);
        if (filling?.block !== block) {
          if (filling && position > first) this.#write(shop, filling, at);
          filling = position > first ? begun(block) : this.#continued(shop, block);
        }
        fill(filling, position % IN_BLOCK, heads, i);
      }
    }
    if (filling === undefined) return;
    this.#filling.set(shop, filling);
    this.#write(shop, filling, at);
  }

  /** The head of the event at a position, if it is kept. */
  at(shop: string, position: Position): Head | undefined {
    const bytes = this.#heads.get([shop, blockOf(position)]);
    return bytes && headIn(bytes, position % IN_BLOCK);
  }

  /** The first position whose head is kept, or one a few before it. */
  oldest(shop: string): Position | undefined {
    const [key] = this.#heads.getKeys({ start: [shop, 0], end: [shop, LAST], limit: 1 });
    return key && firstIn(key[1]);
  }

  /** The blocks with positions up to `upTo`, newest first. */
  *backwards(shop: string, upTo: Position = LAST): Generator<Block> {
    const start: Key = [shop, upTo === LAST ? LAST : blockOf(upTo)];
    for (const { key, value } of this.#heads.getRange({ start, end: [shop, 0], reverse: true }))
      if (slotsIn(value) > 0) yield new Block(key[1], value);
  }

  /** Removes the heads up to a position, except in a block that has later ones. Call it inside a batch. */
  removeUpTo(shop: string, position: Position): void {
    const end: Key = [shop, blockOf(position + 1)];
    for (const key of [...this.#heads.getKeys({ start: [shop, 0], end })]) void this.#heads.remove(key);
  }

  /** Removes all of them. */
  async clear(): Promise<void> {
    this.#filling.clear();
    await this.#heads.clearAsync();
  }

  /** What they take of the file. */
  get tree(): { getStats(): object } {
    return this.#heads;
  }

  /** The contents of a block that is continued. */
  #continued(shop: string, block: number): Filling {
    const bytes = this.#heads.get([shop, block]);
    const filling = begun(block);
    if (bytes === undefined) return filling;
    filling.slots = slotsIn(bytes);
    const end = HEADER + filling.slots * SLOT;
    bytes.copy(filling.bytes, HEADER, HEADER, end);
    for (let slot = 0; slot < filling.slots; slot++) {
      const order = headIn(bytes, slot)?.order;
      if (order !== undefined) filling.orders.push(order);
    }
    return filling;
  }

  #write(shop: string, { block, bytes, slots, orders }: Filling, at: number): void {
    const end = HEADER + slots * SLOT;
    // What is put is read when the commit is made, and the block is filled further before.
    const written = Buffer.allocUnsafe(end + orders.length * ORDER_BYTES);
    bytes.copy(written, 0, 0, end);
    written.writeDoubleLE(at, 0);
    written[8] = slots;
    for (const [i, order] of orders.entries()) written.write(order, end + i * ORDER_BYTES, ORDER_BYTES, 'latin1');
    void this.#heads.put([shop, block], written);
  }
}

const begun = (block: number): Filling => ({
  block,
  bytes: Buffer.alloc(HEADER + IN_BLOCK * SLOT),
  slots: 0,
  orders: [],
});

function fill(filling: Filling, slot: number, heads: Heads, i: number): void {
  const at = HEADER + slot * SLOT;
  heads.bytes.copy(filling.bytes, at, i * SLOT, i * SLOT + HEAD_BYTES);
  filling.bytes[at + HEAD_BYTES] = 1;
  filling.slots = slot + 1;
  const order = heads.orderOf(i);
  if (order !== undefined) filling.orders.push(order);
}

/** From 1 on. */
const blockOf = (position: Position): number => 1 + Math.floor(position / IN_BLOCK);
const firstIn = (block: number): Position => (block - 1) * IN_BLOCK;

/** The number of slots. A block whose bytes changed on disk counts as shorter. */
const slotsIn = (bytes: Buffer): number =>
  Math.max(0, Math.min(bytes[8] ?? 0, IN_BLOCK, Math.floor((bytes.length - HEADER) / SLOT)));

function headIn(bytes: Buffer, slot: number): Head | undefined {
  if (slot >= slotsIn(bytes) || !hasHead(bytes, slot)) return undefined;
  const head = readHead(bytes, HEADER + slot * SLOT);
  if ((head.flags & HAS_ORDER) === 0) return head;
  let orders = 0;
  for (let before = 0; before < slot; before++)
    if (hasHead(bytes, before) && (readHead(bytes, HEADER + before * SLOT).flags & HAS_ORDER) !== 0) orders += 1;
  const at = HEADER + slotsIn(bytes) * SLOT + orders * ORDER_BYTES;
  return { ...head, order: bytes.toString('latin1', at, at + ORDER_BYTES) };
}

const hasHead = (bytes: Buffer, slot: number): boolean => bytes[HEADER + slot * SLOT + HEAD_BYTES] === 1;
