import { LogUnavailable } from '../../adapters/logs/log.ts';
import type { Job, State } from '../../adapters/logs/state.ts';
import type { JobReport } from '../../schemas/admin-api/jobs.ts';
import type { Clock } from '../base/clock.ts';
import { Busy, NotFound } from '../base/errors.ts';

/** How often a job writes down how far it has come, and learns that it was cancelled. */
const SAVE_EVERY_MS = 1000;
/** A job of which nothing was heard for this long is interrupted: its process is gone. */
const SILENT_MS = 30_000;
/** One that says nothing for this long may be gone. */
const QUIET_MS = 5 * SAVE_EVERY_MS;
/** An order waits this long for its job to end; a longer one is followed by its id. */
const WAIT_MS = 2000;
const RETRY_MS = 1000;

/** What a job has done since its last step. */
export interface Step {
  readonly looked: number;
  readonly counts: Readonly<Record<string, number>>;
}

export interface JobTools {
  readonly state: Pick<State, 'startJob' | 'saveJob' | 'jobs'>;
  readonly clock: Clock;
  /** Aborts when the process stops: what is under way ends as interrupted. */
  readonly stopping: AbortSignal;
  /** Called with an error that nobody expected. */
  readonly onError: (error: unknown) => void;
}

export type Order = Pick<Job, 'of' | 'kind' | 'shop' | 'selection'> & {
  /** Names of what is counted. */
  readonly counts: readonly string[];
};

/** Orders about much of what is kept. Each works in this process, step by step; any process can look at it and cancel it. */
export class OperatorJobs {
  readonly #tools: JobTools;

  constructor(tools: JobTools) {
    this.#tools = tools;
  }

  /** Starts a job and waits two seconds for its end. Throws Busy where one about the same is running, in whatever process. */
  async order({ counts, ...order }: Order, steps: () => AsyncIterable<Step>): Promise<JobReport> {
    const { state, clock } = this.#tools;
    const now = clock.now();
    const none = Object.fromEntries(counts.map((name) => [name, 0]));
    const asked = { ...order, state: 'running' as const, startedAt: now, seenAt: now, looked: 0, counts: none };
    const { job, started } = await state.startJob(asked, now - SILENT_MS);
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
    return (await this.#tools.state.jobs()).map((job) => this.#report(job));
  }

  async one(id: string): Promise<JobReport> {
    const job = (await this.#tools.state.jobs()).find((one) => one.id === id);
    if (job === undefined) throw new NotFound(`there is no job ${id}`);
    return this.#report(job);
  }

  /** What it has done stays done. */
  async cancel(id: string): Promise<void> {
    const job = (await this.#tools.state.jobs()).find((one) => one.id === id);
    if (job === undefined) throw new NotFound(`there is no job ${id}`);
    if (job.state === 'running') await this.#tools.state.saveJob({ ...job, state: 'cancelled' });
  }

  /** Never rejects: nobody may be waiting for it. */
  async #run(job: Job, steps: () => AsyncIterable<Step>, onStep: (job: Job) => void): Promise<void> {
    const { state, clock, stopping, onError } = this.#tools;
    let now = job;
    const save = async (change: Partial<Job>): Promise<void> => {
      now = await state.saveJob({ ...now, seenAt: clock.now(), ...change });
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
      const reason = expected ? error.message : 'something unexpected went wrong; the log of the gateway has it';
      const end = stopping.aborted ? { state: 'interrupted' as const } : { state: 'failed' as const, reason };
      now = { ...now, ...end };
      onStep(now);
      // Where nothing can be saved it falls silent, and is taken as interrupted.
      await save(end).catch(() => {});
    }
  }

  #report({ seenAt, startedAt, shop, reason, ...job }: Job): JobReport {
    const silent = job.state === 'running' && seenAt < this.#tools.clock.now() - SILENT_MS;
    // An earlier version stored an order's selection by other names.
    const { eventId, ...rest } = job.selection;
    return {
      ...job,
      ...(shop !== undefined && { shop }),
      ...(reason !== undefined && { reason }),
      selection: { ...rest, ...(eventId !== undefined && { event_id: eventId }) },
      ...(silent && { state: 'interrupted' }),
      started_at: new Date(startedAt).toISOString(),
    };
  }
}

/** Says when it ends by itself, where its process may be gone. */
function whyBusy({ id, of, kind, shop = 'all shops', seenAt }: Job, now: number): string {
  const what = `a ${kind} of ${of === 'dead' ? 'dead letters' : 'quarantined events'} of ${shop}`;
  const busy = `${what} must end first, which is running as ${id}; follow it or cancel it`;
  if (now - seenAt < QUIET_MS) return busy;
  const end = new Date(seenAt + SILENT_MS).toISOString();
  return `${busy}; nothing was heard of its process for ${Math.round((now - seenAt) / 1000)} s: if that is gone, order again after ${end}`;
}

/** Does something on the log, again each second while it cannot be reached. */
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
