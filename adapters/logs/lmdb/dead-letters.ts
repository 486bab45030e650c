import type { Position } from '../log.ts';
import type { DeadLetter, DeadLetterLimit, DeadLetters } from '../state/dead-letters.ts';
import type { Page, PipelineId } from '../state/shared.ts';
import type { LmdbCursors } from './cursors.ts';
import type { LmdbLetterLimits } from './letter-limits.ts';
import type { LmdbLetters } from './letters.ts';

/** The dead letters of an embedded log. Marked ones belong to the pipeline's holder, who must give the pipeline up before they can be changed. */
export class LmdbDeadLetters implements DeadLetters {
  readonly #letters: LmdbLetters;
  readonly #limits: LmdbLetterLimits;
  readonly #cursors: LmdbCursors;

  constructor(letters: LmdbLetters, limits: LmdbLetterLimits, cursors: LmdbCursors) {
    this.#letters = letters;
    this.#limits = limits;
    this.#cursors = cursors;
  }

  open(id: PipelineId, page: Page): Promise<DeadLetter[]> {
    return this.#letters.open(id, page);
  }

  async at(id: PipelineId, position: Position): Promise<DeadLetter | undefined> {
    return this.#letters.at(id, position);
  }

  async undelivered(id: PipelineId, after: Position, to: Position): Promise<Position[]> {
    return this.#letters.undelivered(id, after, to);
  }

  async redrive(id: PipelineId, positions: readonly Position[]): Promise<number> {
    const count = await this.#letters.mark(id, positions);
    this.#cursors.redriven(id);
    return count;
  }

  marked(id: PipelineId, page: Page): Promise<DeadLetter[]> {
    return this.#letters.marked(id, page);
  }

  async discard(id: PipelineId, positions: readonly Position[], at: number): Promise<number> {
    const { count, left } = await this.#letters.discard(id, positions, at, false);
    if (left.length === 0) return count;
    const cursor = await this.#cursors.claim(id, new AbortController().signal, true);
    try {
      return count + (await this.#letters.discard(id, left, at, true)).count;
    } finally {
      await cursor.release();
    }
  }

  async limit(ids: readonly PipelineId[]): Promise<void> {
    for (const id of ids) await this.#limits.apply(id);
  }

  async letGo(ids: readonly PipelineId[]): Promise<Readonly<Record<DeadLetterLimit, number>>[]> {
    return ids.map((id) => this.#limits.counts(id));
  }
}
