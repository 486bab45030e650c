import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, RootDatabase } from 'lmdb';
import { LET_GO_A_CALL, LET_GO_AT_ONCE, type LetterLimits, lettersToGo, NONE_LET_GO } from '../letting-go.ts';
import type { DeadLetterLimit } from '../state/dead-letters.ts';
import type { PipelineId } from '../state/shared.ts';
import type { LmdbLetters } from './letters.ts';
import { bytesOf } from './pages.ts';

/** Removes dead letters above the limits, and counts them. */
export class LmdbLetterLimits {
  readonly #letters: LmdbLetters;
  readonly #limits: LetterLimits;
  readonly #counts: Database<Readonly<Record<DeadLetterLimit, number>>, string[]>;
  /** Where the next search for old letters begins, by pipeline: letters need not be in order of age. */
  readonly #seen = new Map<string, number>();

  constructor(root: RootDatabase, letters: LmdbLetters, limits: LetterLimits) {
    this.#counts = root.openDB({ name: 'dead-let-go', encoding: 'json' });
    this.#letters = letters;
    this.#limits = limits;
  }

  counts({ shop, pipeline }: PipelineId): Readonly<Record<DeadLetterLimit, number>> {
    return this.#counts.get([shop, pipeline]) ?? NONE_LET_GO;
  }

  async apply(id: PipelineId): Promise<void> {
    const excess = (await this.#letters.countOpen(id)) - this.#limits.deadLettersMax;
    if (excess > 0) await this.#letGo(id, 0, excess);
    const name = `${id.shop}/${id.pipeline}`;
    this.#seen.set(name, await this.#letGo(id, this.#seen.get(name) ?? 0, 0));
  }

  forget({ shop, pipeline }: PipelineId): Promise<boolean> {
    this.#seen.delete(`${shop}/${pipeline}`);
    return this.#counts.remove([shop, pipeline]);
  }

  usedBytes(): number {
    return bytesOf(this.#counts);
  }

  /** Checks some letters after a position; gives the position to continue at, or 0 after the last. */
  async #letGo(id: PipelineId, from: number, excess: number): Promise<number> {
    const { now } = this.#limits;
    let [after, left] = [from, excess];
    for (let looked = 0; looked < LET_GO_A_CALL; looked += LET_GO_AT_ONCE) {
      const letters = await this.#letters.open(id, { limit: LET_GO_AT_ONCE, after: String(after) });
      // The first ones are the excess.
      const gone = lettersToGo(letters, letters[Math.min(left, letters.length) - 1]?.position ?? 0, this.#limits);
      if (gone.length > 0) {
        await this.#letters.letGo(id, gone, now(), (counts) => {
          const sum = this.counts(id);
          void this.#counts.put([id.shop, id.pipeline], {
            count: sum.count + counts.count,
            age: sum.age + counts.age,
          });
        });
      }
      left -= letters.length;
      if (letters.length < LET_GO_AT_ONCE) return 0;
      after = letters.at(-1)?.position ?? 0;
      if (excess > 0 && left <= 0) break;
      await nextTurn();
    }
    return after;
  }
}
