import type { Job, Jobs } from './state/jobs.ts';

const KEPT = 100;

/** Whether two jobs concern the same events. */
export const overlap = (one: Pick<Job, 'of' | 'shop'>, other: Pick<Job, 'of' | 'shop'>): boolean =>
  one.of === other.of && (one.shop === undefined || other.shop === undefined || one.shop === other.shop);

/** The jobs of a log with one owner: kept in memory, with every change persisted. */
export class OwnedJobs implements Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #write: (job: Job, forgotten: readonly string[]) => Promise<void>;
  #last = 0;

  /** `jobs`: those of earlier processes; none of them is running any more. */
  constructor(jobs: readonly Job[], write: (job: Job, forgotten: readonly string[]) => Promise<void>) {
    this.#write = write;
    for (const job of [...jobs].sort((a, b) => numberOf(a) - numberOf(b))) {
      this.#jobs.set(job.id, job.state === 'running' ? { ...job, state: 'interrupted' } : job);
      this.#last = Math.max(this.#last, numberOf(job));
    }
  }

  async start(job: Omit<Job, 'id'>, silentSince: number): Promise<{ job: Job; started: boolean }> {
    const running = [...this.#jobs.values()].find(
      (one) => one.state === 'running' && one.seenAt >= silentSince && overlap(one, job),
    );
    if (running) return { job: running, started: false };
    this.#last += 1;
    const started = { ...job, id: `j${this.#last}` };
    this.#jobs.set(started.id, started);
    const forgotten = [...this.#jobs.values()].filter(({ state }) => state !== 'running').slice(0, -KEPT);
    for (const { id } of forgotten) this.#jobs.delete(id);
    await this.#write(
      started,
      forgotten.map(({ id }) => id),
    );
    return { job: started, started: true };
  }

  async save(job: Job): Promise<Job> {
    const saved = this.#jobs.get(job.id)?.state === 'cancelled' ? { ...job, state: 'cancelled' as const } : job;
    this.#jobs.set(job.id, saved);
    await this.#write(saved, []);
    return saved;
  }

  async all(): Promise<Job[]> {
    return [...this.#jobs.values()].reverse();
  }
}

const numberOf = ({ id }: Pick<Job, 'id'>): number => Number(id.slice(1));
