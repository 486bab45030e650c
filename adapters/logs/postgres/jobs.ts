import type { Job, Jobs } from '../state/jobs.ts';
import type { Ask } from './database.ts';
import { SCHEMA } from './schema.ts';

/** The jobs, for all processes of a database. */
export class PostgresJobs implements Jobs {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  async start(job: Omit<Job, 'id'>, silentSince: number): Promise<{ readonly job: Job; readonly started: boolean }> {
    const [row] = await this.#ask(
      `select of_number as number, of_job as job, started from ${SCHEMA}.start_job_1($1::json, $2)`,
      [JSON.stringify(job), silentSince],
    );
    return { job: jobOf(row ?? {}), started: row?.started === true };
  }

  async save(job: Job): Promise<Job> {
    const { id, ...rest } = job;
    const number = id.slice(1);
    const [saved] = await this.#ask(
      `update ${SCHEMA}.jobs set job = $2::json where number = $1 and job->>'state' <> 'cancelled' returning number`,
      [number, JSON.stringify(rest)],
    );
    if (saved) return job;
    const cancelled: Job = { ...job, state: 'cancelled' };
    await this.#ask(`update ${SCHEMA}.jobs set job = $2::json where number = $1`, [
      number,
      JSON.stringify({ ...rest, state: 'cancelled' }),
    ]);
    return cancelled;
  }

  async all(): Promise<Job[]> {
    return (await this.#ask(`select number, job from ${SCHEMA}.jobs order by number desc`, [])).map(jobOf);
  }
}

const jobOf = ({ number, job }: Record<string, unknown>): Job => ({ ...(job as Job), id: `j${String(number)}` });
