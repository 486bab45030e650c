import type { Database, RootDatabase } from 'lmdb';
import { OwnedJobs } from '../jobs.ts';
import type { LetterLimits } from '../letting-go.ts';
import type { Position, Tally } from '../log.ts';
import type { Job } from '../state/jobs.ts';
import type { PipelineId } from '../state/shared.ts';
import type { State } from '../state/state.ts';
import type { Commit } from './chain.ts';
import { LmdbCursors } from './cursors.ts';
import { LmdbDeadLetters } from './dead-letters.ts';
import { LmdbJournal } from './journal.ts';
import { LmdbLetterLimits } from './letter-limits.ts';
import { LmdbLetters } from './letters.ts';
import { bytesOf } from './pages.ts';
import { LmdbQuarantine, type QuarantineLimits } from './quarantine.ts';
import { LmdbReplays } from './replays.ts';

export interface LmdbStateOptions extends QuarantineLimits, LetterLimits {
  /** The newest durable position of a shop. */
  readonly head: (shop: string) => Position;
  readonly onBegun: () => Promise<void>;
  readonly commit: Commit;
}

/** The state beside the log, in the same LMDB environment, so that one commit covers both. */
export class LmdbState implements State {
  readonly cursors: LmdbCursors;
  readonly journal: LmdbJournal;
  readonly deadLetters: LmdbDeadLetters;
  /** Call `index` before anything else. */
  readonly quarantine: LmdbQuarantine;
  readonly replays: LmdbReplays;
  readonly jobs: OwnedJobs;
  readonly #letters: LmdbLetters;
  readonly #letterLimits: LmdbLetterLimits;
  readonly #tallies: Database<Tally, string>;
  readonly #jobs: Database<Job, string>;

  constructor(root: RootDatabase, options: LmdbStateOptions) {
    const { commit } = options;
    this.journal = new LmdbJournal(root, commit);
    this.#letters = new LmdbLetters(root, commit);
    this.#letterLimits = new LmdbLetterLimits(root, this.#letters, options);
    const saved = { journal: this.journal, letters: this.#letters, letterLimits: this.#letterLimits };
    this.cursors = new LmdbCursors(root, { ...options, ...saved });
    this.deadLetters = new LmdbDeadLetters(this.#letters, this.#letterLimits, this.cursors);
    this.#tallies = root.openDB({ name: 'tallies', encoding: 'json' });
    this.replays = new LmdbReplays(root, commit);
    this.quarantine = new LmdbQuarantine(root, options, commit);
    this.#jobs = root.openDB({ name: 'jobs', encoding: 'json' });
    const jobs = [...this.#jobs.getRange()].map(({ value }) => value);
    this.jobs = new OwnedJobs(jobs, async (job, forgotten) => {
      const write = () => {
        void this.#jobs.put(job.id, job);
        for (const id of forgotten) void this.#jobs.remove(id);
      };
      await commit(() => root.batch(write));
    });
  }

  tally(shop: string): Tally | undefined {
    return this.#tallies.get(shop);
  }

  shops(): string[] {
    return [...this.#tallies.getKeys()];
  }

  /** Call it inside the batch that stores the record. */
  putTally(shop: string, tally: Tally): void {
    void this.#tallies.put(shop, tally);
  }

  /** Removes journal lines, rules and ended dead letters about positions that the log no longer keeps. */
  async trim(id: PipelineId, oldest: Position): Promise<void> {
    await this.journal.trim(id, oldest);
    await this.#letters.trim(id, oldest);
  }

  /** What it takes of the file. */
  usedBytes(): number {
    const parts = [this.cursors, this.journal, this.#letters, this.#letterLimits, this.quarantine, this.replays];
    return parts.reduce((bytes, part) => bytes + part.usedBytes(), bytesOf(this.#tallies) + bytesOf(this.#jobs));
  }
}
