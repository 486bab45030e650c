/** The bytes of bodies that are being received or wait for their answer. */
export interface InHand {
  /** A body begins. `onEvicted` is called where others need its room and it does not come to its end. */
  begin(time: number, onEvicted: () => void): Hold;
  /** So many bytes are here at once; less than 0 when they are answered. */
  take(bytes: number): void;
  /** Whether nothing more can be taken. Sees to it that no slow sender is the reason. */
  isFull(time: number): boolean;
  bytes(): number;
}

/** The part of one body. */
export interface Hold {
  add(bytes: number): void;
  /** It has come to its end, and is no slow sender's. */
  complete(): void;
  /** It is answered. */
  release(): void;
  /** There is nothing more to come: without its end it will not be answered. */
  gone(): void;
}

/** A body comes within a fraction of this; whoever takes longer goes first where the room is short. */
const SLOW_MS = 1000;

/** Bodies count by what has come of them: by what is announced, a few silent connections would fill the room. */
export function createInHand(maxBytes: number, now: () => number = () => performance.now()): InHand {
  // In the order of their first bytes, which is nearly that of `since`.
  const coming = new Set<Coming>();
  let total = 0;

  class Coming implements Hold {
    readonly since: number;
    readonly evict: () => void;
    #bytes = 0;
    #complete = false;
    #released = false;
    constructor(since: number, evict: () => void) {
      this.since = since;
      this.evict = evict;
    }
    add(bytes: number): void {
      // What still comes of a refused body is thrown away.
      if (this.#released) return;
      this.#bytes += bytes;
      total += bytes;
      if (total > maxBytes) evictSlow(now());
    }
    complete(): void {
      this.#complete = true;
      coming.delete(this);
    }
    gone(): void {
      if (!this.#complete) this.release();
    }
    release(): void {
      this.#released = true;
      coming.delete(this);
      total -= this.#bytes;
      this.#bytes = 0;
    }
  }

  const evictSlow = (time: number): void => {
    for (const body of coming) {
      if (total <= maxBytes || time - body.since < SLOW_MS) return;
      body.release();
      body.evict();
    }
  };
  return {
    begin(time, onEvicted) {
      const body = new Coming(time, onEvicted);
      coming.add(body);
      return body;
    },
    take(bytes) {
      total += bytes;
    },
    isFull(time) {
      if (total > maxBytes) evictSlow(time);
      return total > maxBytes;
    },
    bytes: () => total,
  };
}
