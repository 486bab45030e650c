import type { Outbound } from '../../adapters/destinations/destination.ts';
import type { Position } from '../../adapters/logs/log.ts';
import type { DeadLetter } from '../../adapters/logs/state/dead-letters.ts';
import type { JournalBatch, JournalLine } from '../../adapters/logs/state/journal.ts';
import type { Ahead, Progress } from '../../adapters/logs/state/progress.ts';
import type { FilterReason } from './route.ts';
import { positionsIn, stretchesOf } from './stretches.ts';

/** What a pipeline made of one position of the log. */
export interface Seen {
  readonly position: Position;
  /** Undefined if the pipeline wants the event. */
  readonly filtered: FilterReason | undefined;
}

/**
 * What is settled ahead of a pipeline's cursor. Lanes finish in any order; the cursor stays before the lowest unfinished position. An event
 * is counted when the cursor passes it, so that a crash counts nothing twice.
 */
export class Ledger {
  readonly #settled = new Map<Position, 'delivered' | Letter>();
  /** Delivered before the pipeline last stopped. */
  readonly #early = new Set<Position>();
  /** Number of attempts so far, for open events. */
  readonly #tries = new Map<Position, number>();
  #batches: JournalBatch[] = [];

  /** Continues from what was saved as settled ahead of the cursor. */
  constructor({ ahead }: Pick<Progress, 'ahead'> = {}) {
    if (ahead === undefined) return;
    for (const position of positionsIn(ahead.delivered)) {
      this.#settled.set(position, 'delivered');
      this.#early.add(position);
    }
    for (const letter of ahead.dead) this.#settled.set(letter.position, letter);
    for (const [from, to, tries] of ahead.tries ?? [])
      for (const position of positionsIn([[from, to]])) this.#tries.set(position, tries);
    this.#batches = [...ahead.batches];
  }

  isOpen({ position }: Outbound): boolean {
    return !this.#settled.has(position);
  }

  /** Puts the event back into a dead letter that was settled before the last stop: it was saved without. */
  complete({ position, event }: Outbound): void {
    const settled = this.#settled.get(position);
    if (settled !== undefined && settled !== 'delivered') this.#settled.set(position, { ...settled, event });
  }

  /** The number of the attempt about to be made, from 1: one more than any of these events has had. */
  attempt(sent: readonly Outbound[]): number {
    return 1 + sent.reduce((most, { position }) => Math.max(most, this.#tries.get(position) ?? 0), 0);
  }

  /** Counts an attempt that left these events open. */
  tried(open: readonly Outbound[]): void {
    for (const { position } of open) this.#tries.set(position, 1 + (this.#tries.get(position) ?? 0));
  }

  delivered(events: readonly Outbound[]): void {
    for (const { position } of events) {
      this.#settled.set(position, 'delivered');
      this.#tries.delete(position);
    }
  }

  /** Number of events settled ahead of the saved cursor. */
  get settledAhead(): number {
    return this.#settled.size;
  }

  addDeadLetter(letter: DeadLetter): void {
    this.#settled.set(letter.position, letter);
    this.#tries.delete(letter.position);
  }

  journal(batch: JournalBatch): void {
    this.#batches.push(batch);
  }

  /** The last batch that covers an event's position. */
  batchOf({ position }: Outbound): JournalBatch | undefined {
    return this.#batches.findLast(({ first, last }) => first <= position && position <= last);
  }

  /** The dead letter that an event has become; undefined if it is none, or not complete yet. */
  deadLetterOf({ position }: Outbound): DeadLetter | undefined {
    const settled = this.#settled.get(position);
    return settled !== 'delivered' && isWhole(settled) ? settled : undefined;
  }

  /** What is to be saved about positions after this one; undefined if nothing is. `lanes`: how many there are now. */
  ahead(position: Position, lanes: number): Ahead | undefined {
    const settled = [...this.#settled].filter(([at]) => at > position);
    const tries = [...this.#tries].filter(([at]) => at > position);
    if (settled.length + tries.length === 0) return undefined;
    return {
      delivered: stretchesOf(settled.flatMap(([at, kind]) => (kind === 'delivered' ? [at] : []))),
      dead: settled.flatMap(([, letter]) => (letter === 'delivered' ? [] : [withoutEvent(letter)])),
      batches: this.#batches.filter(({ last }) => last > position).map((batch) => ({ lanes, ...batch })),
      ...(tries.length > 0 && { tries: triesIn(tries) }),
    };
  }

  /**
   * Advances over everything that is finished at the beginning of a stretch of the log. Gives the new progress and what is to be saved with
   * it; changes nothing here. Positions missing from the stretch are counted as dropped, with the reason `missing`.
   */
  advance(progress: Progress, seen: readonly Seen[], to: Position, missing: string, lanes: number): Advance {
    const { ahead: _, ...was } = progress;
    const counts = { delivered: 0, dead: [] as DeadLetter[], filtered: {} as Record<string, number>, dropped: 0 };
    let position = progress.position;
    for (const { position: at, filtered } of seen) {
      // Passed by an earlier save of the same stretch.
      if (at <= position) continue;
      const settled = this.#settled.get(at);
      if (filtered === undefined && settled === undefined)
        return this.#advanceOf(was, position, counts, missing, lanes);
      counts.dropped += at - position - 1;
      if (filtered !== undefined) counts.filtered[filtered] = (counts.filtered[filtered] ?? 0) + 1;
      else if (settled === 'delivered') counts.delivered += 1;
      else if (isWhole(settled)) counts.dead.push(settled);
      position = at;
    }
    counts.dropped += to - position;
    return this.#advanceOf(was, to, counts, missing, lanes);
  }

  /** Forgets everything up to a position that the saved cursor has passed. */
  forgetPassed(upTo: Position): void {
    for (const known of [this.#settled, this.#early, this.#tries])
      for (const position of known.keys()) if (position <= upTo) known.delete(position);
    this.#batches = this.#batches.filter(({ last }) => last > upTo);
  }

  /** Forgets these events, whose outcomes are saved elsewhere. */
  forget(events: readonly Outbound[]): void {
    for (const { position } of events) {
      this.#settled.delete(position);
      this.#tries.delete(position);
    }
    if (this.#settled.size === 0) this.#batches = [];
  }

  #advanceOf(
    was: Omit<Progress, 'ahead'>,
    position: Position,
    counts: Counts,
    missing: string,
    lanes: number,
  ): Advance {
    const { delivered, dead, filtered, dropped } = counts;
    const progress: Progress = {
      ...was,
      position,
      delivered: was.delivered + delivered,
      dead: was.dead + dead.length,
      filtered: sum(was.filtered, filtered),
      dropped: dropped > 0 ? sum(was.dropped, { [missing]: dropped }) : was.dropped,
    };
    const batches = this.#batches.filter(({ first, last }) => first <= position && last > was.position);
    const early = stretchesOf([...this.#early].filter((at) => at > was.position && at <= position));
    const journal =
      batches.length + early.length > 0 && position > was.position
        ? { from: was.position + 1, to: position, lanes, batches, ...(early.length > 0 && { early }) }
        : undefined;
    return { progress, journal, dead };
  }
}

/** A dead letter. One that was settled before the last stop has no event until that is read again. */
type Letter = DeadLetter | Omit<DeadLetter, 'event'>;

const isWhole = (letter: Letter | undefined): letter is DeadLetter => letter !== undefined && 'event' in letter;

function withoutEvent(letter: Letter): Omit<DeadLetter, 'event'> {
  if (!isWhole(letter)) return letter;
  const { event: _, ...rest } = letter;
  return rest;
}

/** Attempts per position, as stretches of positions with equal numbers. */
function triesIn(tries: readonly (readonly [Position, number])[]): NonNullable<Ahead['tries']> {
  const numbers = new Set(tries.map(([, number]) => number));
  return [...numbers].flatMap((number) =>
    stretchesOf(tries.flatMap(([at, times]) => (times === number ? [at] : []))).map(
      ([from, to]) => [from, to, number] as const,
    ),
  );
}

export interface Advance {
  readonly progress: Progress;
  readonly journal: JournalLine | undefined;
  readonly dead: readonly DeadLetter[];
}

interface Counts {
  readonly delivered: number;
  readonly dead: readonly DeadLetter[];
  readonly filtered: Readonly<Record<string, number>>;
  readonly dropped: number;
}

function sum(counts: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>): Record<string, number> {
  const total = { ...counts };
  for (const [reason, count] of Object.entries(more)) total[reason] = (total[reason] ?? 0) + count;
  return total;
}
