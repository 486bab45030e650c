import type { Outbound } from '../../adapters/destinations/destination.ts';
import type { Position } from '../../adapters/logs/log.ts';

// An event is poison after this many failures alone, over this time, if other events went through in between. With fifteen seconds the
// whole search delays the events behind it by less than a minute.
const FAILURES = 5;
const OVER_MS = 15_000;
// Failures without an answer before a batch is split. The destination may have stored it, and smaller batches have other ids.
const SILENT_FAILURES = 5;
// If this many batches of one shopper wait and no other shopper's event, do not wait for one: it may never come.
const BATCHES_OF_ONE_SHOPPER = 2;
// Many receivers limit bodies to a megabyte or a few.
const BATCH_BYTES = 1024 * 1024;

/** An event that fails alone. `failures` counts only failures before which another event went through. */
interface Suspect {
  failures: number;
  readonly since: number;
  /** Number of successes of the pipeline when it last failed. */
  successesThen: number;
}

/** Events that fail alone. Kept across batches: at the end of the log the events to compare with come later. */
export type Suspects = Map<Position, Suspect>;

/**
 * Finds the one event that makes every batch fail. A failing batch is halved until one event fails alone. Then that event and another one
 * (the probe) are tried in turn. If the probes go through and the event does not, the event is poison; if nothing goes through, the
 * destination is down, and everything waits.
 */
export class PoisonSearch {
  /** How many of the first open events are suspected; 0 while none is. */
  #front: number;
  #silentFailures = 0;
  #probesFailed = 0;
  readonly #suspects: Suspects;
  readonly #successes: () => number;

  /** `successes`: successful attempts so far, in any lane. `front`: how many events were suspected when an earlier search was interrupted. */
  constructor(suspects: Suspects, successes: () => number, front = 0) {
    this.#front = front;
    this.#suspects = suspects;
    this.#successes = successes;
  }

  /** How many of the first open events are suspected. Saved, so that after a stop the search continues with the same batch. */
  get front(): number {
    return this.#front;
  }

  /** Which of the open events to send next. */
  next(open: readonly Outbound[], maxBatch: number): readonly Outbound[] {
    if (this.#front === 0) return batchOf(open, maxBatch);
    if (this.#front > 1) return open.slice(0, Math.ceil(this.#front / 2));
    const probe = this.#needsProbe(open) ? this.#probe(open, maxBatch) : undefined;
    return probe ? [probe] : open.slice(0, 1);
  }

  /** Whether the search cannot go on before more events come. */
  needsMoreEvents(open: readonly Outbound[], maxBatch: number): boolean {
    return this.#front === 1 && this.#needsProbe(open) && this.#probe(open, maxBatch) === undefined;
  }

  /** Some of the sent events were settled. `left`: how many of them are still open; they are the first open ones. */
  succeeded(open: readonly Outbound[], sent: readonly Outbound[], left: number): void {
    this.#silentFailures = 0;
    if (sent[0] !== open[0]) return;
    if (left === 0) for (const { position } of sent) this.#suspects.delete(position);
    this.#front = left > 0 ? left : Math.max(0, this.#front - sent.length);
  }

  /** None of the sent events was settled. Gives the event's number of failures if it is found to be poison now. `at`: steady milliseconds. */
  failed(open: readonly Outbound[], sent: readonly Outbound[], answered: boolean, at: number): number | undefined {
    const [first] = sent;
    if (first === undefined) return undefined;
    if (first !== open[0]) {
      this.#probesFailed += 1;
      return undefined;
    }
    this.#silentFailures = answered ? 0 : this.#silentFailures + 1;
    if (sent.length > 1) {
      if (answered || this.#silentFailures >= SILENT_FAILURES) this.#front = sent.length;
      return undefined;
    }
    this.#front = 1;
    const successes = this.#successes();
    const suspect = this.#suspects.get(first.position) ?? { failures: 0, since: at, successesThen: -1 };
    if (successes > suspect.successesThen) suspect.failures += 1;
    suspect.successesThen = successes;
    this.#suspects.set(first.position, suspect);
    if (suspect.failures < FAILURES || at - suspect.since < OVER_MS) return undefined;
    this.#suspects.delete(first.position);
    this.#front = 0;
    return suspect.failures;
  }

  /**
   * Another event, to see whether it goes through: the first open one of its shopper, so that no shopper's order changes. If it fails
   * too, the next one is taken, since two poison events may be neighbours. The suspect's own shopper is used only if many events wait
   * and all are of that shopper.
   */
  #probe(open: readonly Outbound[], maxBatch: number): Outbound | undefined {
    const shoppers = new Set<string>();
    const [, ...candidates] = open.filter(({ event: { session_id, event_id } }) => {
      const shopper = session_id ?? event_id;
      const fresh = !shoppers.has(shopper);
      shoppers.add(shopper);
      return fresh;
    });
    let behind = open;
    for (let i = 0; i < BATCHES_OF_ONE_SHOPPER; i++) behind = behind.slice(batchOf(behind, maxBatch).length);
    const others = candidates.length === 0 && behind.length > 0 ? open.slice(1) : candidates;
    return others[this.#probesFailed % Math.max(1, others.length)];
  }

  #needsProbe([first]: readonly Outbound[]): boolean {
    const suspect = first && this.#suspects.get(first.position);
    return suspect !== undefined && this.#successes() <= suspect.successesThen;
  }
}

/** The first events: at most `maxBatch`, and at most BATCH_BYTES together unless one alone is larger. */
function batchOf(open: readonly Outbound[], maxBatch: number): readonly Outbound[] {
  let bytes = 0;
  const end = open.findIndex((one, i) => {
    bytes += one.bytes ?? 0;
    return i > 0 && (i >= maxBatch || bytes > BATCH_BYTES);
  });
  return end < 0 ? open : open.slice(0, end);
}
