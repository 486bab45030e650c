import type { Database, RootDatabase } from 'lmdb';
import type { Position } from '../log.ts';
import { NO_OTHERS, PipelineLocks } from '../pipeline-locks.ts';
import { beginning, resumed, suspendedBy } from '../progress-change.ts';
import type { Settlement } from '../settlement.ts';
import type { Cursor, Cursors, NamedStanding, Others, SettlementOrder, Standing, Update } from '../state/cursors.ts';
import type { Progress, Suspension } from '../state/progress.ts';
import type { PipelineId } from '../state/shared.ts';
import type { Commit } from './chain.ts';
import type { LmdbJournal } from './journal.ts';
import type { LmdbLetterLimits } from './letter-limits.ts';
import type { LmdbLetters } from './letters.ts';
import { bytesOf } from './pages.ts';

export interface LmdbCursorsOptions {
  /** The newest durable position of a shop. */
  readonly head: (shop: string) => Position;
  readonly onBegun: () => Promise<void>;
  readonly commit: Commit;
  /** Saved together with a cursor, and forgotten with its pipeline. */
  readonly journal: LmdbJournal;
  readonly letters: LmdbLetters;
  readonly letterLimits: LmdbLetterLimits;
}

/** The cursors of an embedded log, and who moves each pipeline. */
export class LmdbCursors implements Cursors {
  readonly #root: RootDatabase;
  readonly #cursors: Database<Progress, string[]>;
  readonly #options: LmdbCursorsOptions;
  readonly #locks = new PipelineLocks();

  constructor(root: RootDatabase, options: LmdbCursorsOptions) {
    this.#root = root;
    this.#cursors = root.openDB({ name: 'cursors', encoding: 'json' });
    this.#options = options;
  }

  async others(): Promise<Others> {
    return NO_OTHERS;
  }

  async begin(id: PipelineId, start = this.#options.head(id.shop)): Promise<void> {
    if (await this.progress(id)) return;
    await this.#options.commit(() => this.#cursors.put([id.shop, id.pipeline], beginning(start)));
    await this.#options.onBegun();
  }

  async beginAll(ids: readonly PipelineId[]): Promise<void> {
    const { head, commit, onBegun } = this.#options;
    const missing = ids.filter(({ shop, pipeline }) => this.#cursors.get([shop, pipeline]) === undefined);
    if (missing.length === 0) return;
    const write = () => {
      for (const { shop, pipeline } of missing) void this.#cursors.put([shop, pipeline], beginning(head(shop)));
    };
    await commit(() => this.#root.batch(write));
    await onBegun();
  }

  /** `takes`: asks the holder to give the pipeline up. */
  claim(id: PipelineId, signal: AbortSignal, takes = false): Promise<Cursor> {
    const progress = async () => (await this.progress(id)) ?? beginning(this.#options.head(id.shop));
    return this.#locks.claim(id, signal, progress, (update) => this.#save(id, update), takes);
  }

  async progress({ shop, pipeline }: PipelineId): Promise<Progress | undefined> {
    return this.#cursors.get([shop, pipeline]);
  }

  async standing(id: PipelineId): Promise<Standing | undefined> {
    const progress = await this.progress(id);
    return progress && this.#locks.standing(id, progress);
  }

  standings(ids: readonly PipelineId[]): Promise<(Standing | undefined)[]> {
    return Promise.all(ids.map((id) => this.standing(id)));
  }

  async everyStanding(): Promise<NamedStanding[]> {
    return [...this.#cursors.getRange()].map(({ key: [shop = '', pipeline = ''], value }) => {
      const id = { shop, pipeline };
      return { id, ...this.#locks.standing(id, value) };
    });
  }

  settle(id: PipelineId, settlement: Settlement): Promise<Progress | undefined> {
    return this.#locks.settle(this, id, settlement);
  }

  async settleAll(orders: readonly SettlementOrder[]): Promise<void> {
    for (const { id, settlement } of orders) await this.settle(id, settlement);
  }

  async forget(id: PipelineId): Promise<boolean> {
    const { commit, journal, letters, letterLimits } = this.#options;
    const open = await letters.open(id, { limit: 1 });
    if (open.length > 0 || (await this.progress(id)) === undefined || this.#locks.holds(id)) return false;
    await journal.forgetLines(id);
    await letters.forget(id);
    await journal.forgetRules(id);
    await commit(() => letterLimits.forget(id));
    await commit(() => this.#cursors.remove([id.shop, id.pipeline]));
    return true;
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

  /** Every pipeline that has begun, replays included. */
  all(): PipelineId[] {
    return [...this.#cursors.getKeys()].map(([shop = '', pipeline = '']) => ({ shop, pipeline }));
  }

  of(shop: string): PipelineId[] {
    const keys = this.#cursors.getKeys({ start: [shop], end: [`${shop}\u0000`] });
    return [...keys].map(([of = '', pipeline = '']) => ({ shop: of, pipeline })).filter((id) => id.shop === shop);
  }

  usedBytes(): number {
    return bytesOf(this.#cursors);
  }

  #save(id: PipelineId, { progress, journal, dead = [] }: Update): Promise<void> {
    const { shop, pipeline } = id;
    return this.#options.letters.save(id, dead, () => {
      void this.#cursors.put([shop, pipeline], progress);
      if (journal) this.#options.journal.put(id, journal);
    });
  }
}
