import type { Database, RootDatabase } from 'lmdb';
import { HAS_ORDER, HEAD_BYTES, type Head, ORDER_BYTES, readHead, writeHead } from '../head.ts';
import type { Position } from '../log.ts';

const LAST = Number.MAX_SAFE_INTEGER;
/** So many fit on one page of LMDB's five times. */
const IN_BLOCK = 32;
/** When the last of its events was received (f64), and how many slots follow (u8). */
const HEADER = 9;
/** A head, and whether the slot has one. */
const SLOT = HEAD_BYTES + 1;

type Key = [shop: string, block: number];

/** A block of heads as it is found. */
export interface Block {
  /** When the last of its events was received, in milliseconds since 1970. */
  readonly at: number;
  /** The newest first. */
  readonly heads: readonly { readonly position: Position; readonly head: Head }[];
}

/** The block that is being filled. */
interface Filling {
  readonly block: number;
  readonly heads: (Head | undefined)[];
}

/**
 * The heads of all events in LMDB, apart from their bodies: key (shop, block of 32 positions). To tell whether an id is known takes some
 * hundred bytes of it, and not a page of a megabyte. It is written with the pages and can be made of them anew.
 */
export class LmdbHeads {
  readonly #heads: Database<Buffer, Key>;
  readonly #filling = new Map<string, Filling>();

  constructor(root: RootDatabase) {
    this.#heads = root.openDB({ name: 'heads', encoding: 'binary' });
  }

  /** Adds the heads of the events from a position on, which follow those added before. `at`: when the last of them was received. To be called inside a batch. */
  put(shop: string, first: Position, heads: readonly Head[], at: number): void {
    let filling = this.#filling.get(shop);
    for (const [i, head] of heads.entries()) {
      const position = first + i;
      const block = blockOf(position);
      if (filling?.block !== block) {
        if (filling && i > 0) this.#write(shop, filling, at);
        filling = i > 0 ? { block, heads: [] } : this.#begun(shop, block);
      }
      filling.heads[position % IN_BLOCK] = head;
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

  /** The first position whose head is kept, or a few before it. */
  oldest(shop: string): Position | undefined {
    const [key] = this.#heads.getKeys({ start: [shop, 0], end: [shop, LAST], limit: 1 });
    return key && firstIn(key[1]);
  }

  /** The blocks that have positions up to one, from the newest on. */
  *backwards(shop: string, upTo: Position = LAST): Generator<Block> {
    const start: Key = [shop, upTo === LAST ? LAST : blockOf(upTo)];
    for (const { key, value } of this.#heads.getRange({ start, end: [shop, 0], reverse: true })) {
      const heads: { position: Position; head: Head }[] = [];
      for (let slot = slotsIn(value) - 1; slot >= 0; slot--) {
        const head = headIn(value, slot);
        if (head) heads.push({ position: firstIn(key[1]) + slot, head });
      }
      if (heads.length > 0) yield { at: value.readDoubleLE(0), heads };
    }
  }

  /** Removes those of the events up to a position, as far as their blocks have no others. To be called inside a batch. */
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

  /** A block that is continued begins with what is in it. */
  #begun(shop: string, block: number): Filling {
    const bytes = this.#heads.get([shop, block]);
    const heads: (Head | undefined)[] = [];
    if (bytes) for (let slot = 0; slot < slotsIn(bytes); slot++) heads[slot] = headIn(bytes, slot);
    return { block, heads };
  }

  #write(shop: string, { block, heads }: Filling, at: number): void {
    void this.#heads.put([shop, block], encoded(heads, at));
  }
}

/** From 1 on. */
const blockOf = (position: Position): number => 1 + Math.floor(position / IN_BLOCK);
const firstIn = (block: number): Position => (block - 1) * IN_BLOCK;

function encoded(heads: readonly (Head | undefined)[], at: number): Buffer {
  const orders = heads.flatMap((head) => head?.order ?? []);
  const bytes = Buffer.alloc(HEADER + heads.length * SLOT + orders.length * ORDER_BYTES);
  bytes.writeDoubleLE(at, 0);
  bytes[8] = heads.length;
  for (let slot = 0; slot < heads.length; slot++) {
    const head = heads[slot];
    if (head) bytes[writeHead(bytes, HEADER + slot * SLOT, head)] = 1;
  }
  for (const [i, order] of orders.entries())
    bytes.write(order, HEADER + heads.length * SLOT + i * ORDER_BYTES, ORDER_BYTES, 'latin1');
  return bytes;
}

/** A block whose bytes changed on disk is taken for shorter than it was. */
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
