import { LogUnavailable } from '../../adapters/logs/log.ts';
import type { Job } from '../../adapters/logs/state/jobs.ts';
import type { State } from '../../adapters/logs/state/state.ts';
import type { JobReport } from '../../schemas/admin-api/jobs.ts';
import type { Clock } from '../base/clock.ts';
import { Busy, NotFound } from '../base/errors.ts';

/** How often a job saves its progress and learns whether it was cancelled. */
const SAVE_EVERY_MS = 1000;
/** A job that has not saved for this long counts as interrupted: its process is gone. */
const SILENT_MS = 30_000;
/** A job that has not saved for this long may be gone. */
const QUIET_MS = 5 * SAVE_EVERY_MS;
/** How long an order waits for its job to end. A longer job is followed by its id. */
const WAIT_MS = 2000;
const RETRY_MS = 1000;

/** What a job has done since its last step. */
export interface Step {
  readonly looked: number;
  readonly counts: Readonly<Record<string, number>>;
}

export interface JobTools {
  readonly state: Pick<State, 'jobs'>;
  readonly clock: Clock;
  /** Aborts when the process stops: what is under way ends as interrupted. */
  readonly stopping: AbortSignal;
  /** Called with an unexpected error. */
  readonly onError: (error: unknown) => void;
}

export type Order = Pick<Job, 'of' | 'kind' | 'shop' | 'selection'> & {
  /** Names of the counts. */
  readonly counts: readonly string[];
};

/** Orders that change many kept events. Each runs in this process, step by step; any process can follow it and cancel it. */
export class OperatorJobs {
  readonly #tools: JobTools;

  constructor(tools: JobTools) {
    this.#tools = tools;
  }

  /** Starts a job and waits up to two seconds for its end. Throws Busy if one about the same events is running, in any process. */
  async order({ counts, ...order }: Order, steps: () => AsyncIterable<Step>): Promise<JobReport> {
    const { state, clock } = this.#tools;
    const now = clock.now();
    const none = Object.fromEntries(counts.map((name) => [name, 0]));
    const asked = { ...order, state: 'running' as const, startedAt: now, seenAt: now, looked: 0, counts: none };
    const { job, started } = await state.jobs.start(asked, now - SILENT_MS);
    if (!started) {
      throw new Busy(whyBusy(job, now));
    }
    let last = job;
    const ended = this.#run(job, steps, (next) => {
      last = next;
    });
    const waited = new AbortController();
    await Promise.race([ended, clock.sleep(WAIT_MS, waited.signal)]);
    waited.abort();
    return this.#report(last);
  }

  async all(): Promise<JobReport[]> {
    return (await this.#tools.state.jobs.all()).map((job) => this.#report(job));
  }

  async one(id: string): Promise<JobReport> {
    const job = (await this.#tools.state.jobs.all()).find((one) => one.id === id);
    if (job === undefined) throw new NotFound(`there is no job ${id}`);
    return this.#report(job);
  }

  /** Cancels a job; what it has done stays done. Throws NotFound. */
  async cancel(id: string): Promise<void> {
    const job = (await this.#tools.state.jobs.all()).find((one) => one.id === id);
    if (job === undefined) throw new NotFound(`there is no job ${id}`);
    if (job.state === 'running') await this.#tools.state.jobs.save({ ...job, state: 'cancelled' });
  }

  /** Never rejects, since nothing may await it. */
  async #run(job: Job, steps: () => AsyncIterable<Step>, onStep: (job: Job) => void): Promise<void> {
    const { state, clock, stopping, onError } = this.#tools;
    let now = job;
    const save = async (change: Partial<Job>): Promise<void> => {
      now = await state.jobs.save({ ...now, seenAt: clock.now(), ...change });
      onStep(now);
    };
    try {
      for await (const step of steps()) {
        now = added(now, step);
        onStep(now);
        if (stopping.aborted) return await save({ state: 'interrupted' });
        if (clock.now() - now.seenAt >= SAVE_EVERY_MS) await save({});
        if (now.state === 'cancelled') return;
      }
      await save({ state: 'done' });
    } catch (error) {
      const expected = error instanceof LogUnavailable;
      if (!expected) onError(error);
      const reason = expected ? error.message : 'unexpected error; see the log lines of the gateway';
      const end = stopping.aborted ? { state: 'interrupted' as const } : { state: 'failed' as const, reason };
      now = { ...now, ...end };
      onStep(now);
      // If this cannot be saved either, the job will count as interrupted.
      await save(end).catch(() => {});
    }
  }

  #report({ seenAt, startedAt, ...job }: Job): JobReport {
    const silent = job.state === 'running' && seenAt < this.#tools.clock.now() - SILENT_MS;
    // An earlier version stored the selection under another name.
    const { eventId, ...rest } = job.selection;
    return {
      ...(job as Omit<JobReport, 'selection' | 'started_at'>),
      selection: { ...rest, ...(eventId !== undefined && { event_id: eventId }) },
      ...(silent && { state: 'interrupted' }),
      started_at: new Date(startedAt).toISOString(),
    };
  }
}

/** Why an order must wait. If the running job's process may be gone, also when to order again. */
function whyBusy({ id, of, kind, shop = 'all shops', seenAt }: Job, now: number): string {
  const what = `a ${kind} of ${of === 'dead' ? 'dead letters' : 'quarantined events'} of ${shop}`;
  const busy = `${what} must end first, which is running as ${id}; follow it or cancel it`;
  if (now - seenAt < QUIET_MS) return busy;
  const end = new Date(seenAt + SILENT_MS).toISOString();
  return `${busy}; nothing was heard of its process for ${Math.round((now - seenAt) / 1000)} s: if that is gone, order again after ${end}`;
}

/** Runs work on the log; while the log cannot be reached, tries again each second until the process stops. */
export async function whenAvailable<T>(
  { clock, stopping }: Pick<JobTools, 'clock' | 'stopping'>,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LogUnavailable) || stopping.aborted) throw error;
      await clock.sleep(RETRY_MS, stopping);
    }
  }
}

function added(job: Job, { looked, counts }: Step): Job {
  const sums = { ...job.counts };
  for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
  return { ...job, looked: job.looked + looked, counts: sums };
}
