import { withinBytes } from '../letters.ts';
import { LET_GO_A_CALL, letGo, lettersToGo } from '../letting-go.ts';
import type { Position } from '../log.ts';
import type { DeadLetter, DeadLetterLimit, DeadLetters } from '../state/dead-letters.ts';
import type { Page, PipelineId } from '../state/shared.ts';
import type { StoreOptions } from '../store.ts';
import type { MemoryCursors } from './cursors.ts';
import type { PipelineMap } from './pipelines.ts';

/** The dead letters in memory. */
export class MemoryDeadLetters implements DeadLetters {
  readonly #pipelines: PipelineMap;
  readonly #cursors: MemoryCursors;
  readonly #options: StoreOptions;

  constructor(pipelines: PipelineMap, cursors: MemoryCursors, options: StoreOptions) {
    this.#pipelines = pipelines;
    this.#cursors = cursors;
    this.#options = options;
  }

  async open(id: PipelineId, { limit, after = '0' }: Page): Promise<DeadLetter[]> {
    return [...withinBytes(this.#open(id, after), limit)];
  }

  async at(id: PipelineId, position: Position): Promise<DeadLetter | undefined> {
    return this.#pipelines.get(id).dead.get(position);
  }

  async undelivered(id: PipelineId, after: Position, to: Position): Promise<Position[]> {
    const letters = [...this.#pipelines.get(id).dead.values()].filter(({ ended }) => ended?.kind !== 'delivered');
    const positions = letters.map(({ position }) => position).filter((one) => one > after && one <= to);
    return positions.sort((a, b) => a - b);
  }

  async redrive(id: PipelineId, positions: readonly Position[]): Promise<number> {
    const count = this.#change(id, positions, (letter) => ({ ...letter, redrive: true }));
    this.#cursors.redriven(id);
    return count;
  }

  async marked(id: PipelineId, { limit, after = '0' }: Page): Promise<DeadLetter[]> {
    return [
      ...withinBytes(
        this.#open(id, after).filter(({ redrive }) => redrive),
        limit,
      ),
    ];
  }

  async discard(id: PipelineId, positions: readonly Position[], at: number): Promise<number> {
    const { dead } = this.#pipelines.get(id);
    const isMarked = (position: Position): boolean => {
      const letter = dead.get(position);
      return letter?.redrive === true && !letter.ended;
    };
    const end = (letters: readonly Position[]): number =>
      this.#change(id, letters, ({ redrive: _, ...letter }) => ({
        ...letter,
        ended: { kind: 'discarded', at, attempts: letter.attempts, status: letter.reason },
      }));
    const marked = positions.filter(isMarked);
    const count = end(positions.filter((position) => !isMarked(position)));
    if (marked.length === 0) return count;
    const cursor = await this.#cursors.claim(id, new AbortController().signal, true);
    const more = end(marked);
    await cursor.release();
    return count + more;
  }

  async limit(ids: readonly PipelineId[]): Promise<void> {
    const { deadLettersMax, now } = this.#options;
    for (const id of ids) {
      const { dead, letGo: counts } = this.#pipelines.get(id);
      const open = [...dead.values()].filter(({ ended }) => !ended).sort((a, b) => a.position - b.position);
      const upTo = open[open.length - deadLettersMax - 1]?.position ?? 0;
      for (const { letter, limit } of lettersToGo(open, upTo, this.#options).slice(0, LET_GO_A_CALL)) {
        dead.set(letter.position, letGo(letter, limit, now()));
        counts[limit] += 1;
      }
    }
  }

  async letGo(ids: readonly PipelineId[]): Promise<Readonly<Record<DeadLetterLimit, number>>[]> {
    return ids.map((id) => ({ ...this.#pipelines.get(id).letGo }));
  }

  /** Gives how many it changed. */
  #change(id: PipelineId, positions: readonly Position[], change: (letter: DeadLetter) => DeadLetter): number {
    const { dead } = this.#pipelines.get(id);
    const open = positions.flatMap((position) => dead.get(position) ?? []).filter(({ ended }) => !ended);
    for (const letter of open) dead.set(letter.position, change(letter));
    return open.length;
  }

  #open(id: PipelineId, after: string): DeadLetter[] {
    const letters = [...this.#pipelines.get(id).dead.values()].sort((a, b) => a.position - b.position);
    return letters.filter(({ position, ended }) => !ended && position > Number(after));
  }
}
