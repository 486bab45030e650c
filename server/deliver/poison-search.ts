import type { Outbound } from '../../adapters/destinations/destination.ts';
import type { Position } from '../../adapters/logs/log.ts';

// An event is found poisonous after so many failures alone, over so long, if between them other events went through. Fifteen
// seconds, so that the search and the verdict together hold up those behind it for less than a minute.
const FAILURES = 5;
const OVER_MS = 15_000;
// Failures without an answer before a batch is split: the destination may have taken it, and smaller batches have other ids.
const SILENT_FAILURES = 5;
// Where so many batches of one shopper wait and nobody else, nobody else may ever come into sight.
const BATCHES_OF_ONE_SHOPPER = 2;
// Receivers limit bodies, many of them to a megabyte or a few.
const BATCH_BYTES = 1024 * 1024;

/** An event that fails alone. `failures` counts those before which another event went through. */
interface Suspect {
  failures: number;
  readonly since: number;
  /** How often anything had gone through when it failed last. */
  successesThen: number;
}

/** What is remembered of events that fail alone: it outlives a batch, since at the end of the log there are no others to compare with. */
export type Suspects = Map<Position, Suspect>;

/**
 * Finds the one event that chokes a destination. A batch that fails is halved until one event fails alone; then that event
 * and the one behind it are tried in turn. Where the others go through and it does not, it is found poisonous; where nothing goes
 * through, the destination is down, and everything waits.
 */
export class PoisonSearch {
  /** How many events at the front of the open ones hold the culprit, if there is one; 0 without suspicion. */
  #front: number;
  #silentFailures = 0;
  #witnessesFailed = 0;
  readonly #suspects: Suspects;
  readonly #successes: () => number;

  /** `successes`: how often anything has gone through to the destination, in any lane. `front`: where a search goes on that was broken off. */
  constructor(suspects: Suspects, successes: () => number, front = 0) {
    this.#front = front;
    this.#suspects = suspects;
    this.#successes = successes;
  }

  /** How many of the open events are suspected: with it the search goes on after a stop, with the batch that was being sent. */
  get front(): number {
    return this.#front;
  }

  /** What to send next of the open events. */
  next(open: readonly Outbound[], maxBatch: number): readonly Outbound[] {
    if (this.#front === 0) return batchOf(open, maxBatch);
    if (this.#front > 1) return open.slice(0, Math.ceil(this.#front / 2));
    const witness = this.#needsWitness(open) ? this.#witness(open, maxBatch) : undefined;
    return witness ? [witness] : open.slice(0, 1);
  }

  /** Whether nothing can be learnt before more events come. */
  needsMoreEvents(open: readonly Outbound[], maxBatch: number): boolean {
    return this.#front === 1 && this.#needsWitness(open) && this.#witness(open, maxBatch) === undefined;
  }

  /** Something of what was sent is settled; what is left of it stands at the front of the open events. */
  succeeded(open: readonly Outbound[], sent: readonly Outbound[], left: number): void {
    this.#silentFailures = 0;
    if (sent[0] !== open[0]) return;
    if (left === 0) for (const { position } of sent) this.#suspects.delete(position);
    this.#front = left > 0 ? left : Math.max(0, this.#front - sent.length);
  }

  /** Nothing of what was sent is settled. Gives the number of failures of an event that is found poisonous now. */
  failed(open: readonly Outbound[], sent: readonly Outbound[], answered: boolean, at: number): number | undefined {
    const [first] = sent;
    if (first === undefined) return undefined;
    if (first !== open[0]) {
      this.#witnessesFailed += 1;
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
   * Another event, to see whether it goes through: one of a shopper who has nothing waiting before it, so that nobody's order
   * changes. Where that fails too, the next of them, since two culprits may stand side by side. The first event's own shopper
   * serves only where a long row of events has nobody else in it.
   */
  #witness(open: readonly Outbound[], maxBatch: number): Outbound | undefined {
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
    return others[this.#witnessesFailed % Math.max(1, others.length)];
  }

  #needsWitness([first]: readonly Outbound[]): boolean {
    const suspect = first && this.#suspects.get(first.position);
    return suspect !== undefined && this.#successes() <= suspect.successesThen;
  }
}

/** The events at the front, at most so many, and of large ones no more than BATCH_BYTES together. */
function batchOf(open: readonly Outbound[], maxBatch: number): readonly Outbound[] {
  let bytes = 0;
  const end = open.findIndex((one, i) => {
    bytes += one.bytes ?? 0;
    return i > 0 && (i >= maxBatch || bytes > BATCH_BYTES);
  });
  return end < 0 ? open : open.slice(0, end);
}
