import type { Position } from './log.ts';

/** 64 bits of an event id. The table of ids keeps fewer, so a hit is confirmed by what is stored. */
export type Fingerprint = readonly [high: number, low: number];

/** Makes fingerprints of ids as records of format 1 have them. The seed is secret to one log. */
export function oldFingerprinter(seedA: number, seedB: number): (id: string) => Fingerprint {
  return (id) => {
    let a = seedA ^ 0xdeadbeef;
    let b = seedB ^ 0x41c6ce57;
    for (let i = 0; i < id.length; i++) {
      const code = id.charCodeAt(i);
      a = Math.imul(a ^ code, 0x9e3779b1);
      b = Math.imul(b ^ code, 0x5f356495);
    }
    a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
    b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
    return [a >>> 0, b >>> 0];
  };
}

const PARTS = 256;
const WORDS = 2;
const FIRST_CAPACITY = 16;
const FULLEST = 0.75;
const GROWTH = 1.5;
const CYCLE = 2 ** 32 - 1;

/**
 * The known ids of one shop and their positions: an open-addressing table in typed arrays, 8 bytes a slot and 10 to 16 bytes an id. The hash
 * splits it into parts that grow one at a time and at different times, since growing a table of five million at once would stop the process for
 * 300 ms. A slot holds the lower half of the fingerprint; the upper half selects the part. Positions are kept modulo 2^32 - 1, plus one, since 0
 * means an empty slot. That is unambiguous for the newest four billion events.
 */
export class IdTable {
  readonly #parts: (Part | undefined)[] = new Array(PARTS);
  #floor: Position = 0;
  #newest: Position = 0;

  /** The position of the newest entry with this fingerprint that `confirm` accepts; 0 if there is none. */
  find(high: number, low: number, confirm: (position: Position) => boolean): Position {
    const part = this.#parts[high >>> 24];
    if (part === undefined) return 0;
    const { slots, capacity } = part;
    for (let i = home(low, capacity); ; i = i + 1 === capacity ? 0 : i + 1) {
      const at = i * WORDS;
      const stored = slots[at + 1] ?? 0;
      if (stored === 0) return 0;
      if (slots[at] !== low) continue;
      const position = this.#whole(stored);
      if (position > this.#floor && confirm(position)) return position;
    }
  }

  /** Adds an id by its fingerprint. Positions come in rising order. */
  add(high: number, low: number, position: Position): void {
    this.#newest = Math.max(this.#newest, position);
    const index = high >>> 24;
    let part = this.#parts[index];
    if (part === undefined) {
      // Between 1 and 1.5 times the first capacity, so that the parts do not grow at the same moment.
      part = emptyPart(Math.round(FIRST_CAPACITY * GROWTH ** (index / PARTS)));
      this.#parts[index] = part;
    } else if (part.used >= part.capacity * FULLEST) {
      part = this.#rebuilt(part);
      this.#parts[index] = part;
    }
    put(part, low, 1 + (position % CYCLE));
  }

  /** Forgets the ids up to this position. Their room is reused as the table is rebuilt, part by part. */
  forget(upTo: Position): void {
    this.#floor = Math.max(this.#floor, upTo);
    // A shop that gets no more events is never rebuilt, so clear it here.
    if (this.#floor >= this.#newest) this.#parts.fill(undefined);
  }

  /** Number of known ids, if each position has one. */
  get size(): number {
    return Math.max(0, this.#newest - this.#floor);
  }

  /** The last forgotten position. */
  get floor(): Position {
    return this.#floor;
  }

  /** Memory held, in bytes. */
  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + (part?.slots.byteLength ?? 0), 0);
  }

  #whole(stored: number): Position {
    const behind = 1 + (this.#newest % CYCLE) - stored;
    return this.#newest - (behind < 0 ? behind + CYCLE : behind);
  }

  /** A copy without the forgotten ids; larger only if the remaining ones need it. */
  #rebuilt(old: Part): Part {
    const kept: number[] = [];
    for (let i = 0; i < old.capacity; i++) {
      const stored = old.slots[i * WORDS + 1] ?? 0;
      if (stored !== 0 && this.#whole(stored) > this.#floor) kept.push(i * WORDS);
    }
    const part = emptyPart(Math.max(FIRST_CAPACITY, Math.ceil((kept.length / FULLEST) * GROWTH)));
    for (const at of kept) put(part, old.slots[at] ?? 0, old.slots[at + 1] ?? 0);
    return part;
  }
}

interface Part {
  readonly slots: Uint32Array;
  readonly capacity: number;
  used: number;
}

const emptyPart = (capacity: number): Part => ({ slots: new Uint32Array(capacity * WORDS), capacity, used: 0 });

const home = (low: number, capacity: number): number => Math.floor((low / 2 ** 32) * capacity);

function put(part: Part, low: number, stored: number): void {
  const { slots, capacity } = part;
  let i = home(low, capacity);
  while (slots[i * WORDS + 1] !== 0) i = i + 1 === capacity ? 0 : i + 1;
  slots[i * WORDS] = low;
  slots[i * WORDS + 1] = stored;
  part.used += 1;
}
