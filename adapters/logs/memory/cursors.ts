import { NO_OTHERS, PipelineLocks } from '../pipeline-locks.ts';
import { beginning, resumed, suspendedBy } from '../progress-change.ts';
import type { Settlement } from '../settlement.ts';
import type { Cursor, Cursors, NamedStanding, Others, SettlementOrder, Standing, Update } from '../state/cursors.ts';
import type { Progress, Suspension } from '../state/progress.ts';
import type { PipelineId } from '../state/shared.ts';
import type { PipelineMap } from './pipelines.ts';
import type { Shops } from './shops.ts';

/** The cursors in memory, and who moves each pipeline. */
export class MemoryCursors implements Cursors {
  readonly #pipelines: PipelineMap;
  readonly #shops: Shops;
  readonly #locks = new PipelineLocks();

  constructor(pipelines: PipelineMap, shops: Shops) {
    this.#pipelines = pipelines;
    this.#shops = shops;
  }

  async others(): Promise<Others> {
    return NO_OTHERS;
  }

  async begin(id: PipelineId, start = this.#shops.get(id.shop).newest): Promise<void> {
    this.#pipelines.get(id).progress ??= beginning(start);
  }

  async beginAll(ids: readonly PipelineId[]): Promise<void> {
    for (const id of ids) await this.begin(id);
  }

  claim(id: PipelineId, signal: AbortSignal, takes = false): Promise<Cursor> {
    const pipeline = this.#pipelines.get(id);
    const progress = async () => pipeline.progress ?? beginning(this.#shops.get(id.shop).newest);
    const save = async ({ progress: next, journal, dead = [] }: Update): Promise<void> => {
      pipeline.progress = next;
      if (journal) pipeline.journal.push(journal);
      for (const letter of dead) pipeline.dead.set(letter.position, letter);
    };
    return this.#locks.claim(id, signal, progress, save, takes);
  }

  async progress(id: PipelineId): Promise<Progress | undefined> {
    return this.#pipelines.get(id).progress;
  }

  async standing(id: PipelineId): Promise<Standing | undefined> {
    const { progress } = this.#pipelines.get(id);
    return progress && this.#locks.standing(id, progress);
  }

  standings(ids: readonly PipelineId[]): Promise<(Standing | undefined)[]> {
    return Promise.all(ids.map((id) => this.standing(id)));
  }

  async everyStanding(): Promise<NamedStanding[]> {
    return this.#pipelines
      .all()
      .flatMap(({ id, pipeline: { progress } }) => (progress ? [{ id, ...this.#locks.standing(id, progress) }] : []));
  }

  settle(id: PipelineId, settlement: Settlement): Promise<Progress | undefined> {
    return this.#locks.settle(this, id, settlement);
  }

  async settleAll(orders: readonly SettlementOrder[]): Promise<void> {
    for (const { id, settlement } of orders) await this.settle(id, settlement);
  }

  async forget(id: PipelineId): Promise<boolean> {
    const { progress, dead } = this.#pipelines.get(id);
    const isOpen = [...dead.values()].some(({ ended }) => !ended);
    if (progress === undefined || isOpen || this.#locks.holds(id)) return false;
    return this.#pipelines.delete(id);
  }

  suspend(id: PipelineId, suspension: Suspension): Promise<boolean> {
    return this.#locks.change(this, id, suspendedBy(suspension));
  }

  resume(id: PipelineId): Promise<boolean> {
    return this.#locks.change(this, id, resumed);
  }

  /** Tells the pipeline's holder that dead letters are marked. */
  redriven(id: PipelineId): void {
    this.#locks.redriven(id);
  }
}
