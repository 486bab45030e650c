import type { Outbound } from '../adapters/destinations/destination.ts';
import type { Position } from '../adapters/logs/log.ts';
import type { DeadLetter, JournalBatch, JournalLine, Progress } from '../adapters/logs/state.ts';
import type { FilterReason } from './route.ts';

/** What a pipeline made of one position of the log. */
export interface Seen {
  readonly position: Position;
  /** Undefined where the pipeline wants the event. */
  readonly filtered: FilterReason | undefined;
}

const CLOCK_SET_MS = 60_000;

/**
 * What is settled ahead of a pipeline's cursor. Lanes finish in any order; the cursor follows at the lowest unfinished position, and
 * an event is counted when the cursor passes it, so that a crash counts nothing twice.
 */
export class Books {
  readonly #settled = new Map<Position, 'delivered' | DeadLetter>();
  #batches: JournalBatch[] = [];
  /** Since when nothing has gone through although it was tried, in milliseconds since 1970. */
  failingSince: number | undefined;
  /** The same on the steady clock. */
  #failingFrom: number | undefined;

  constructor(failingSince: number | undefined) {
    this.failingSince = failingSince;
  }

  isOpen({ position }: Outbound): boolean {
    return !this.#settled.has(position);
  }

  delivered(events: readonly Outbound[]): void {
    for (const { position } of events) this.#settled.set(position, 'delivered');
    if (events.length === 0) return;
    this.failingSince = undefined;
    this.#failingFrom = undefined;
  }

  /** Nothing went through. Gives for how long that is so, in milliseconds; what passed while no process ran is taken by the clock. */
  failed({ now, steady }: { readonly now: number; readonly steady: number }): number {
    this.#failingFrom ??= steady - Math.max(0, now - (this.failingSince ?? now));
    const ms = steady - this.#failingFrom;
    // Where the clock was set, the moment that is saved moves with it, so that the next process counts on from the same length.
    if (Math.abs(now - ms - (this.failingSince ?? 0)) > CLOCK_SET_MS) this.failingSince = now - ms;
    return ms;
  }

  buried(letter: DeadLetter): void {
    this.#settled.set(letter.position, letter);
  }

  journal(batch: JournalBatch): void {
    this.#batches.push(batch);
  }

  /** The batch that settled an event. */
  batchOf({ position }: Outbound): JournalBatch | undefined {
    return this.#batches.findLast(({ first, last }) => first <= position && position <= last);
  }

  /** The dead letters among what is settled. */
  letters(): DeadLetter[] {
    return [...this.#settled.values()].filter((settled) => settled !== 'delivered');
  }

  /**
   * Moves on over everything finished at the beginning of a stretch of the log: the progress after it, with what is to be saved
   * beside it. Positions missing from the stretch are counted as dropped for `missing`.
   */
  pass(progress: Progress, seen: readonly Seen[], to: Position, missing: string, lanes: number): Passed {
    const { failingSince: _, ...was } = progress;
    const counts = { delivered: 0, dead: [] as DeadLetter[], filtered: {} as Record<string, number>, dropped: 0 };
    let position = progress.position;
    for (const { position: at, filtered } of seen) {
      // Saved before, while the rest of the stretch was waiting.
      if (at <= position) continue;
      const settled = this.#settled.get(at);
      if (filtered === undefined && settled === undefined) return this.#passed(was, position, counts, missing, lanes);
      counts.dropped += at - position - 1;
      if (filtered !== undefined) counts.filtered[filtered] = (counts.filtered[filtered] ?? 0) + 1;
      else if (settled === 'delivered') counts.delivered += 1;
      else if (settled !== undefined) counts.dead.push(settled);
      position = at;
    }
    counts.dropped += to - position;
    return this.#passed(was, to, counts, missing, lanes);
  }

  /** Forgets what the cursor has passed. */
  close(upTo: Position): void {
    for (const position of this.#settled.keys()) if (position <= upTo) this.#settled.delete(position);
    this.#batches = this.#batches.filter(({ last }) => last > upTo);
  }

  #passed(
    was: Omit<Progress, 'failingSince'>,
    position: Position,
    counts: Counts,
    missing: string,
    lanes: number,
  ): Passed {
    const { delivered, dead, filtered, dropped } = counts;
    const progress: Progress = {
      ...was,
      position,
      delivered: was.delivered + delivered,
      dead: was.dead + dead.length,
      filtered: sum(was.filtered, filtered),
      dropped: dropped > 0 ? sum(was.dropped, { [missing]: dropped }) : was.dropped,
      ...(this.failingSince !== undefined && { failingSince: this.failingSince }),
    };
    const batches = this.#batches.filter(({ first, last }) => first <= position && last > was.position);
    const journal =
      batches.length > 0 && position > was.position
        ? { from: was.position + 1, to: position, lanes, batches }
        : undefined;
    return { progress, journal, dead };
  }
}

export interface Passed {
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
