import type { Pressure } from './pressure.ts';

/** The bytes of bodies that are being received or wait for their answer, in all and of each shop. */
export interface InHand {
  /** A body of this shop begins, of so many bytes where that is announced. `onEvicted` is called where others need its room, or where it stands still, before it is complete. */
  begin(time: number, onEvicted: (why: Eviction) => void, shop?: string, announced?: number): Hold;
  /** A complete body of this shop is here at once; less than 0 when it is answered. */
  take(bytes: number, shop?: string): void;
  /** What is refused of this shop for want of room. Unfinished bodies that stand still give way first. */
  pressure(time: number, shop?: string): Pressure;
  /** Whether more is here than there is room for. Unfinished bodies that stand still give way first. */
  isFull(time: number): boolean;
  /** Gives up the bodies that have not moved for so many milliseconds, whatever room there is. */
  endStalled(time: number, stalledMs: number): void;
  bytes(): number;
}

/** Why an unfinished body is given up: others need its room, or it does not move. */
export type Eviction = 'room' | 'stalled';

/** The part of one body. */
export interface Hold {
  /** So many bytes more are kept of it; less than 0 where fewer are. */
  add(bytes: number): void;
  /** It is complete: its room is not taken from it any more. */
  complete(): void;
  /** It is answered. */
  release(): void;
  /** There is nothing more to come: without its end it will not be answered. */
  gone(): void;
}

/** A body that does not move for this long gives way where the room is short. */
const SLOW_MS = 1000;
/** A body moves when this many bytes of it have come, or this part of a small one, so that one byte now and then does not count. */
const MOVES_BYTES = 1024;
const MOVES_PART = 1 / 8;
/** Part of the room, past which browse events are refused of shops that hold more than their share. */
const ROOM_FOR_ALL = 3 / 4;
/** Past this much of the room even shops that hold little are refused, and moving bodies are given up. */
const HARD = 3 / 2;

interface Budget {
  /** Unfinished bodies, the one that moved the longest ago first. */
  readonly coming: Set<Coming>;
  readonly room: ReturnType<typeof sharedRoom>;
  readonly now: () => number;
  onMore(): void;
}

/** An unfinished body, until it is complete. */
class Coming implements Hold {
  readonly #budget: Budget;
  readonly shop: string;
  /** When it moved last. */
  movedAt: number;
  readonly #onEvicted: (why: Eviction) => void;
  readonly #movesBytes: number;
  #bytes = 0;
  #sinceMoved = 0;
  #complete = false;
  #released = false;
  constructor(
    budget: Budget,
    time: number,
    { shop, announced, onEvicted }: { shop: string; announced: number; onEvicted: (why: Eviction) => void },
  ) {
    this.#budget = budget;
    this.movedAt = time;
    this.shop = shop;
    this.#onEvicted = onEvicted;
    this.#movesBytes = Math.min(MOVES_BYTES, Math.ceil(announced * MOVES_PART));
  }
  add(bytes: number): void {
    // What still comes of a refused body is thrown away.
    if (this.#released) return;
    this.#bytes += bytes;
    this.#budget.room.change(this.shop, bytes);
    this.#sinceMoved += bytes;
    if (this.#sinceMoved >= this.#movesBytes && !this.#complete) this.#moves();
    this.#budget.onMore();
  }
  complete(): void {
    this.#complete = true;
    this.#budget.coming.delete(this);
  }
  gone(): void {
    if (!this.#complete) this.release();
  }
  release(): void {
    this.#released = true;
    this.#budget.coming.delete(this);
    if (this.#bytes > 0) this.#budget.room.change(this.shop, -this.#bytes);
    this.#bytes = 0;
  }
  evict(why: Eviction): void {
    this.release();
    this.#onEvicted(why);
  }
  #moves(): void {
    this.#sinceMoved = 0;
    this.movedAt = this.#budget.now();
    this.#budget.coming.delete(this);
    this.#budget.coming.add(this);
  }
}

/**
 * The budget of bodies. It counts what is kept, not what is announced: a few silent connections would fill it otherwise. Shops share it: one
 * that holds less than its share is not refused for what others hold.
 */
export function createInHand(maxBytes: number, now: () => number = () => performance.now()): InHand {
  /** Unfinished bodies, the one that moved the longest ago first. */
  const coming = new Set<Coming>();
  const room = sharedRoom(maxBytes);

  const evictSlow = (time: number, most: number): void => {
    for (const body of coming) {
      if (room.total() <= most || time - body.movedAt < SLOW_MS) return;
      body.evict('room');
    }
  };
  const makeRoom = (time: number): void => {
    evictSlow(time, maxBytes);
    if (room.total() <= maxBytes * HARD) return;
    for (const body of coming) {
      if (room.total() <= maxBytes) return;
      if (room.holdsMuch(body.shop)) body.evict('room');
    }
  };
  const onMore = (): void => {
    if (room.total() > maxBytes) makeRoom(now());
  };
  return {
    begin(time, onEvicted, shop = '', announced = Number.POSITIVE_INFINITY) {
      const body = new Coming({ coming, room, now, onMore }, time, { shop, announced, onEvicted });
      coming.add(body);
      return body;
    },
    take(bytes, shop = '') {
      room.change(shop, bytes);
    },
    pressure(time, shop = '') {
      if (room.total() <= maxBytes * ROOM_FOR_ALL) return 'none';
      evictSlow(time, maxBytes * ROOM_FOR_ALL);
      if (room.total() <= maxBytes * ROOM_FOR_ALL) return 'none';
      if (!room.holdsMuch(shop)) return room.total() > maxBytes * HARD ? 'all' : 'none';
      return room.total() > maxBytes ? 'all' : 'browse';
    },
    isFull(time) {
      if (room.total() > maxBytes) evictSlow(time, maxBytes);
      return room.total() > maxBytes;
    },
    endStalled(time, stalledMs) {
      for (const body of coming) {
        if (time - body.movedAt < stalledMs) return;
        body.evict('stalled');
      }
    },
    bytes: room.total,
  };
}

/** How much is held in all, and who holds more than a fair share. */
function sharedRoom(maxBytes: number) {
  const held = new Map<string, number>();
  let total = 0;
  const heldBy = (shop: string): number => held.get(shop) ?? 0;
  return {
    total: () => total,
    change(shop: string, bytes: number): void {
      total += bytes;
      const own = heldBy(shop) + bytes;
      if (own > 0) held.set(shop, own);
      else held.delete(shop);
    },
    /** At least two shops share, so that there is always room for another one. What is of no shop counts for each. */
    holdsMuch: (shop: string): boolean =>
      heldBy(shop) + (shop === '' ? 0 : heldBy('')) > (maxBytes * ROOM_FOR_ALL) / Math.max(2, held.size),
  };
}
