import type { Pressure } from './pressure.ts';

/** The memory for request bodies that are being received or wait for their answer. Shops share it. */
export interface BodyBudget {
  /**
   * Reserves room for a body that arrives in pieces. `announced`: its length in bytes, where the client says it. `onEvicted` is called if the body
   * is given up before it is complete.
   */
  reserve(time: number, onEvicted: (why: Eviction) => void, shop?: string, announced?: number): Reservation;
  /** Counts a body that arrived in one piece; a negative number gives its bytes back. */
  take(bytes: number, shop?: string): void;
  /** What is refused of this shop for lack of memory. Evicts unfinished bodies that stand still first. */
  pressure(time: number, shop?: string): Pressure;
  /** Whether more is held than the budget allows. Evicts unfinished bodies that stand still first. */
  isFull(time: number): boolean;
  /** Evicts every body that has not moved for `stalledMs`, however much room there is. */
  endStalled(time: number, stalledMs: number): void;
  /** Bytes held now, of all shops. */
  bytes(): number;
}

/** Why an unfinished body is given up: others need its room, or it stands still. */
export type Eviction = 'room' | 'stalled';

/** The room of one body. */
export interface Reservation {
  /** Counts more bytes; a negative number gives some back. */
  add(bytes: number): void;
  /** The whole body is here: it is not evicted any more. */
  complete(): void;
  /** The request is answered. */
  release(): void;
  /** The client has gone away. Releases a body that is not complete, since it will not be answered. */
  abandon(): void;
}

/** A body that has not moved for this long is evicted when room is short. */
const SLOW_MS = 1000;
/** A body has moved when this many bytes of it arrived, or this part of a small body. Single bytes now and then do not count. */
const MOVES_BYTES = 1024;
const MOVES_PART = 1 / 8;
/** Past this part of the budget browse events are refused, of shops that hold more than their share. */
const ROOM_FOR_ALL = 3 / 4;
/** Past this part of the budget shops that hold little are refused too, and moving bodies are evicted. */
const HARD = 3 / 2;

interface Budget {
  /** Unfinished bodies, the one that moved least recently first. */
  readonly unfinished: Set<UnfinishedBody>;
  readonly room: ReturnType<typeof sharedRoom>;
  readonly now: () => number;
  onMore(): void;
}

interface Arrival {
  readonly shop: string;
  /** In bytes. */
  readonly announced: number;
  readonly onEvicted: (why: Eviction) => void;
}

class UnfinishedBody implements Reservation {
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
  constructor(budget: Budget, time: number, { shop, announced, onEvicted }: Arrival) {
    this.#budget = budget;
    this.movedAt = time;
    this.shop = shop;
    this.#onEvicted = onEvicted;
    this.#movesBytes = Math.min(MOVES_BYTES, Math.ceil(announced * MOVES_PART));
  }
  add(bytes: number): void {
    // The rest of a refused body is thrown away as it arrives.
    if (this.#released) return;
    this.#bytes += bytes;
    this.#budget.room.change(this.shop, bytes);
    this.#sinceMoved += bytes;
    if (this.#sinceMoved >= this.#movesBytes && !this.#complete) this.#moves();
    this.#budget.onMore();
  }
  complete(): void {
    this.#complete = true;
    this.#budget.unfinished.delete(this);
  }
  abandon(): void {
    if (!this.#complete) this.release();
  }
  release(): void {
    this.#released = true;
    this.#budget.unfinished.delete(this);
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
    this.#budget.unfinished.delete(this);
    this.#budget.unfinished.add(this);
  }
}

/**
 * Counts what is kept, not what is announced: otherwise a few silent connections would fill the budget. A shop that holds less than its share is
 * not refused for what other shops hold. `now`: monotonic, in milliseconds.
 */
export function createBodyBudget(maxBytes: number, now: () => number = () => performance.now()): BodyBudget {
  const unfinished = new Set<UnfinishedBody>();
  const room = sharedRoom(maxBytes);

  const evictSlow = (time: number, most: number): void => {
    for (const body of unfinished) {
      if (room.total() <= most || time - body.movedAt < SLOW_MS) return;
      body.evict('room');
    }
  };
  const makeRoom = (time: number): void => {
    evictSlow(time, maxBytes);
    if (room.total() <= maxBytes * HARD) return;
    for (const body of unfinished) {
      if (room.total() <= maxBytes) return;
      if (room.holdsMuch(body.shop)) body.evict('room');
    }
  };
  const onMore = (): void => {
    if (room.total() > maxBytes) makeRoom(now());
  };
  return {
    reserve(time, onEvicted, shop = '', announced = Number.POSITIVE_INFINITY) {
      const body = new UnfinishedBody({ unfinished, room, now, onMore }, time, { shop, announced, onEvicted });
      unfinished.add(body);
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
      for (const body of unfinished) {
        if (time - body.movedAt < stalledMs) return;
        body.evict('stalled');
      }
    },
    bytes: room.total,
  };
}

/** How much is held in all, and which shops hold more than a fair share. */
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
    /** At least two shops share, so that there is always room for another one. Bytes of no shop count for each shop. */
    holdsMuch: (shop: string): boolean =>
      heldBy(shop) + (shop === '' ? 0 : heldBy('')) > (maxBytes * ROOM_FOR_ALL) / Math.max(2, held.size),
  };
}
