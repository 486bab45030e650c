import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, RootDatabase } from 'lmdb';
import { beginning, Holders, NO_OTHERS, resumed, suspendedBy } from '../holders.ts';
import { Jobs } from '../jobs.ts';
import type { LetterLimits } from '../letting-go.ts';
import type { LogRecord, Position, Tally } from '../log.ts';
import type { ReplayChange } from '../replay-change.ts';
import type { Settlement } from '../settlement.ts';
import type {
  Cursor,
  DeadLetter,
  DeadLetterLimit,
  Job,
  JournalLine,
  NamedStanding,
  Others,
  Page,
  PipelineId,
  Progress,
  Quarantined,
  QuarantinedHead,
  QuarantineSums,
  Replay,
  Rule,
  SettlementOrder,
  Standing,
  State,
  Suspension,
  Update,
} from '../state.ts';
import type { Commit } from './chain.ts';
import { LmdbLetterLimits } from './letter-limits.ts';
import { LmdbLetters } from './letters.ts';
import { bytesOf } from './pages.ts';
import { LmdbQuarantine, type QuarantineLimits } from './quarantine.ts';
import { LmdbReplays } from './replays.ts';

const _LAST = Number.MAX_SAFE_INTEGER;
const LAST = Number.MAX_SAFE_INTEGER;
const TRIMMED_AT_ONCE = 1000;

export interface LmdbStateOptions extends QuarantineLimits, LetterLimits {
  /** The newest durable position of a shop. */
  readonly head: (shop: string) => Position;
  readonly onBegun: () => Promise<void>;
  readonly commit: Commit;
}

/** The state beside the log, in the same LMDB environment, so that one commit covers both. */
export class LmdbState implements State {
  readonly #root: RootDatabase;
  readonly #cursors: Database<Progress, string[]>;
  readonly #journal: Database<JournalLine, (string | number)[]>;
  readonly #letters: LmdbLetters;
  readonly #letterLimits: LmdbLetterLimits;
  /** To be indexed before anything is asked of it. */
  readonly quarantine: LmdbQuarantine;
  readonly #tallies: Database<Tally, string>;
  readonly #rules: Database<Rule, (string | number)[]>;
  readonly #replays: LmdbReplays;
  readonly #jobsKept: Database<Job, string>;
  readonly #jobs: Jobs;
  readonly #head: (shop: string) => Position;
  readonly #onBegun: () => Promise<void>;
  readonly #commit: Commit;
  readonly #holders = new Holders();

  constructor(root: RootDatabase, options: LmdbStateOptions) {
    this.#root = root;
    this.#cursors = root.openDB({ name: 'cursors', encoding: 'json' });
    this.#journal = root.openDB({ name: 'journal', encoding: 'json' });
    this.#letters = new LmdbLetters(root, options.commit);
    this.#letterLimits = new LmdbLetterLimits(root, this.#letters, options);
    this.#tallies = root.openDB({ name: 'tallies', encoding: 'json' });
    this.#rules = root.openDB({ name: 'rules', encoding: 'json' });
    this.#replays = new LmdbReplays(root, options.commit, () => this.#holders.replaySaved());
    this.#head = options.head;
    this.#onBegun = options.onBegun;
    this.#commit = options.commit;
    this.quarantine = new LmdbQuarantine(root, options, options.commit);
    this.#jobsKept = root.openDB({ name: 'jobs', encoding: 'json' });
    const jobs = [...this.#jobsKept.getRange()].map(({ value }) => value);
    this.#jobs = new Jobs(jobs, (job, forgotten) => this.#saveJob(job, forgotten));
  }

  async others(): Promise<Others> {
    return NO_OTHERS;
  }

  async begin(id: PipelineId, start = this.#head(id.shop)): Promise<void> {
    if (await this.progress(id)) return;
    await this.#commit(() => this.#cursors.put([id.shop, id.pipeline], beginning(start)));
    await this.#onBegun();
  }

  async beginAll(ids: readonly PipelineId[]): Promise<void> {
    const missing = ids.filter(({ shop, pipeline }) => this.#cursors.get([shop, pipeline]) === undefined);
    if (missing.length === 0) return;
    const write = () => {
      for (const { shop, pipeline } of missing) void this.#cursors.put([shop, pipeline], beginning(this.#head(shop)));
    };
    await this.#commit(() => this.#root.batch(write));
    await this.#onBegun();
  }

  claim(id: PipelineId, signal: AbortSignal, takes = false): Promise<Cursor> {
    const progress = async () => (await this.progress(id)) ?? beginning(this.#head(id.shop));
    return this.#holders.claim(id, signal, progress, (update) => this.#save(id, update), takes);
  }

  /** Has its holder give a pipeline up. */
  #take(id: PipelineId): Promise<Cursor> {
    return this.claim(id, new AbortController().signal, true);
  }

  async progress({ shop, pipeline }: PipelineId): Promise<Progress | undefined> {
    return this.#cursors.get([shop, pipeline]);
  }

  async standing(id: PipelineId): Promise<Standing | undefined> {
    const progress = await this.progress(id);
    return progress && this.#holders.standing(id, progress);
  }

  standings(ids: readonly PipelineId[]): Promise<(Standing | undefined)[]> {
    return Promise.all(ids.map((id) => this.standing(id)));
  }

  async everyStanding(): Promise<NamedStanding[]> {
    return [...this.#cursors.getRange()].map(({ key: [shop = '', pipeline = ''], value }) => {
      const id = { shop, pipeline };
      return { id, ...this.#holders.standing(id, value) };
    });
  }

  settle(id: PipelineId, settlement: Settlement): Promise<Progress | undefined> {
    return this.#holders.settle(this, id, settlement);
  }

  async settleAll(orders: readonly SettlementOrder[]): Promise<void> {
    for (const { id, settlement } of orders) await this.settle(id, settlement);
  }

  async forget(id: PipelineId): Promise<boolean> {
    const open = await this.dead(id, { limit: 1 });
    if (open.length > 0 || (await this.progress(id)) === undefined || this.#holders.holds(id)) return false;
    for (const tree of [this.#journal, ...this.#letters.trees, this.#rules] as Database<unknown, (string | number)[]>[])
      await this.#removeAll(tree, id);
    await this.#commit(() => this.#letterLimits.forget(id));
    await this.#commit(() => this.#cursors.remove([id.shop, id.pipeline]));
    return true;
  }

  suspend(id: PipelineId, suspension: Suspension): Promise<boolean> {
    return this.#holders.change(this, id, suspendedBy(suspension));
  }

  resume(id: PipelineId): Promise<boolean> {
    return this.#holders.change(this, id, resumed);
  }

  async journalAt({ shop, pipeline }: PipelineId, position: Position): Promise<JournalLine | undefined> {
    const line = newestUpTo(this.#journal, [shop, pipeline], position);
    return line && line.to >= position ? line : undefined;
  }

  async ruleAt({ shop, pipeline }: PipelineId, position: Position): Promise<Rule | undefined> {
    return newestUpTo(this.#rules, [shop, pipeline], position);
  }

  async saveRule({ shop, pipeline }: PipelineId, rule: Rule): Promise<void> {
    await this.#commit(() => this.#rules.put([shop, pipeline, rule.since], rule));
  }

  dead(id: PipelineId, page: Page): Promise<DeadLetter[]> {
    return this.#letters.open(id, page);
  }

  async deadAt(id: PipelineId, position: Position): Promise<DeadLetter | undefined> {
    return this.#letters.at(id, position);
  }

  async undelivered(id: PipelineId, after: Position, to: Position): Promise<Position[]> {
    return this.#letters.undelivered(id, after, to);
  }

  async redrive(id: PipelineId, positions: readonly Position[]): Promise<number> {
    const count = await this.#letters.mark(id, positions);
    this.#holders.redriven(id);
    return count;
  }

  marked(id: PipelineId, page: Page): Promise<DeadLetter[]> {
    return this.#letters.marked(id, page);
  }

  async discardDead(id: PipelineId, positions: readonly Position[], at: number): Promise<number> {
    const { count, left } = await this.#letters.discard(id, positions, at, false);
    if (left.length === 0) return count;
    const cursor = await this.#take(id);
    try {
      return count + (await this.#letters.discard(id, left, at, true)).count;
    } finally {
      await cursor.release();
    }
  }

  async limitDead(ids: readonly PipelineId[]): Promise<void> {
    for (const id of ids) await this.#letterLimits.apply(id);
  }

  async deadLetGo(ids: readonly PipelineId[]): Promise<Readonly<Record<DeadLetterLimit, number>>[]> {
    return ids.map((id) => this.#letterLimits.counts(id));
  }

  discardQuarantined(shop: string, ids: readonly string[]): Promise<number> {
    return this.quarantine.discard(shop, ids);
  }

  async limitQuarantine(shops: readonly string[]): Promise<void> {
    for (const shop of shops) await this.quarantine.limit(shop);
  }

  startJob(job: Omit<Job, 'id'>, silentSince: number): Promise<{ readonly job: Job; readonly started: boolean }> {
    return this.#jobs.start(job, silentSince);
  }

  saveJob(job: Job): Promise<Job> {
    return this.#jobs.put(job);
  }

  async jobs(): Promise<Job[]> {
    return this.#jobs.all();
  }

  addReplay(replay: Omit<Replay, 'id'>): Promise<Replay> {
    return this.#replays.add(replay);
  }

  changeReplay(id: string, change: ReplayChange): Promise<Replay | undefined> {
    return this.#replays.change(id, change);
  }

  removeReplay(id: string): Promise<void> {
    return this.#replays.remove(id);
  }

  replaysChanged(): AbortSignal {
    return this.#holders.replaysChanged();
  }

  async replays(): Promise<Replay[]> {
    return this.#replays.all();
  }

  async quarantined(shop: string, page: Page): Promise<Quarantined[]> {
    return this.quarantine.page(shop, page);
  }

  async quarantineHeads(shop: string, page: Page): Promise<QuarantinedHead[]> {
    return this.quarantine.heads(shop, page);
  }

  async quarantinedAt(shop: string, id: string): Promise<Quarantined | undefined> {
    return this.quarantine.at(shop, id);
  }

  async quarantinedAbout(shop: string, eventId: string, page: Page): Promise<QuarantinedHead[]> {
    return this.quarantine.about(shop, eventId, page);
  }

  async quarantineSums(shops: readonly string[]): Promise<QuarantineSums[]> {
    return shops.map((shop) => this.quarantine.sums(shop));
  }

  tally(shop: string): Tally | undefined {
    return this.#tallies.get(shop);
  }

  shops(): string[] {
    return [...this.#tallies.getKeys()];
  }

  /** To be called inside the batch that stores the record. */
  putTally(shop: string, tally: Tally): void {
    void this.#tallies.put(shop, tally);
  }

  /** Keeps a record's refused events. To be called inside the batch that stores the record. */
  putRefused(record: LogRecord): void {
    this.quarantine.put(record);
  }

  isQuarantined(shop: string, id: string): boolean {
    return this.quarantine.has(shop, id);
  }

  /** To be called inside a batch. */
  removeQuarantined(shop: string, ids: readonly string[]): void {
    this.quarantine.remove(shop, ids);
  }

  /** Lets go of journal lines, rules and ended dead letters about positions that the log no longer keeps. */
  async trimJournal(id: PipelineId, oldest: Position): Promise<void> {
    // The newest of the old rules is in force at the oldest position.
    const rules = upTo(this.#rules, id, 0, oldest + 1).slice(0, -1);
    if (rules.length > 0) await this.#remove(this.#rules, rules);
    for (;;) {
      const old = upTo(this.#journal, id, 0, oldest).filter(({ value }) => value.to < oldest);
      if (old.length === 0) break;
      await this.#remove(this.#journal, old);
    }
    await this.#letters.trim(id, oldest);
  }

  /** What it takes of the file. */
  usedBytes(): number {
    const trees = [this.#cursors, this.#journal, this.#tallies, this.#rules, this.#replays.tree, this.#jobsKept];
    return trees.reduce(
      (bytes, tree) => bytes + bytesOf(tree),
      this.quarantine.usedBytes() + this.#letters.usedBytes() + this.#letterLimits.usedBytes(),
    );
  }

  /** Every pipeline that has begun, replays included. */
  allPipelines(): PipelineId[] {
    return [...this.#cursors.getKeys()].map(([shop = '', pipeline = '']) => ({ shop, pipeline }));
  }

  pipelines(shop: string): PipelineId[] {
    const keys = this.#cursors.getKeys({ start: [shop], end: [`${shop}\u0000`] });
    return [...keys].map(([of = '', pipeline = '']) => ({ shop: of, pipeline })).filter((id) => id.shop === shop);
  }

  async #remove<V>(
    from: Database<V, (string | number)[]>,
    entries: readonly { readonly key: (string | number)[] }[],
  ): Promise<void> {
    const write = () => {
      for (const { key } of entries) void from.remove(key);
    };
    await this.#commit(() => this.#root.batch(write));
  }

  async #saveJob(job: Job, forgotten: readonly string[]): Promise<void> {
    const write = () => {
      void this.#jobsKept.put(job.id, job);
      for (const id of forgotten) void this.#jobsKept.remove(id);
    };
    await this.#commit(() => this.#root.batch(write));
  }

  async #removeAll(from: Database<unknown, (string | number)[]>, id: PipelineId): Promise<void> {
    for (;;) {
      const some = upTo(from, id, 0, LAST);
      if (some.length === 0) return;
      await this.#remove(from, some);
      await nextTurn();
    }
  }

  #save(id: PipelineId, { progress, journal, dead = [] }: Update): Promise<void> {
    const { shop, pipeline } = id;
    return this.#letters.save(id, dead, () => {
      void this.#cursors.put([shop, pipeline], progress);
      if (journal) void this.#journal.put([shop, pipeline, journal.from], journal);
    });
  }
}

/** The first entries of a pipeline from a position on, before another. */
const upTo = <V>(
  entries: Database<V, (string | number)[]>,
  { shop, pipeline }: PipelineId,
  from: Position,
  end: Position,
) => [...entries.getRange({ start: [shop, pipeline, from], end: [shop, pipeline, end], limit: TRIMMED_AT_ONCE })];

/** The value with the highest number up to a position, among keys that begin alike and end with a number. */
function newestUpTo<T>(
  values: Database<T, (string | number)[]>,
  prefix: readonly string[],
  position: Position,
): T | undefined {
  const [found] = values.getRange({ start: [...prefix, position], end: [...prefix, -1], reverse: true, limit: 1 });
  return found?.value;
}
