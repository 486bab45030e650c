import type { Static, TObject } from 'typebox';
import type { JobReport } from '../../schemas/admin-api/jobs.ts';
import { BadOrder } from '../base/errors.ts';
import type { Operations } from '../operate/operations.ts';
import { type AdminCall, adminCalls } from './calls.ts';
import { type Given, inputOf } from './input.ts';

/** A call with checked input, ready to run. */
export interface Prepared {
  readonly input: Readonly<Record<string, unknown>>;
  readonly run: () => Promise<unknown>;
}

export interface AnsweredCall {
  readonly action: string;
  readonly call: AdminCall;
  /** Throws BadOrder where the input is wrong. */
  readonly prepare: (given: Given) => Prepared;
}

/** A call whose answer is streamed line by line. */
export interface StreamedCall {
  readonly call: AdminCall;
  /** Throws BadOrder where the input is wrong. */
  readonly lines: (given: Given) => AsyncIterable<unknown>;
}

/** The calls with NDJSON answers. */
export function streamedCalls(operations: Operations): StreamedCall[] {
  const { exportDead, exportQuarantine, planReplay } = adminCalls;
  return [
    { call: exportDead, lines: (given) => operations.allDead(inputOf(exportDead, given)) },
    { call: planReplay, lines: (given) => operations.planningReplay(inputOf(planReplay, given)) },
    { call: exportQuarantine, lines: (given) => operations.allQuarantined(inputOf(exportQuarantine, given)) },
  ];
}

/** Every call with a single answer: each line ties it to the operation that does the work. */
export function answeredCalls(operations: Operations): AnsweredCall[] {
  const calls = adminCalls;
  return [
    on('receipts', calls.receipts, async ({ event_id, shop }) => ({
      receipts: await operations.receipts(event_id, shop),
    })),
    on('pipelines', calls.pipelines, async () => ({ pipelines: await operations.pipelines() })),
    on('suspendPipeline', calls.suspendPipeline, ({ reason, ...pipeline }) =>
      done(operations.suspend(pipeline, reason)),
    ),
    on('resumePipeline', calls.resumePipeline, (pipeline) => done(operations.resume(pipeline))),
    on('adoptPipeline', calls.adoptPipeline, async ({ as, ...orphan }) => ({
      job: await operations.adoptPipeline(orphan, as),
    })),
    on('discardPipeline', calls.discardPipeline, ({ confirm: _, ...orphan }) => operations.discardPipeline(orphan)),
    on('dead', calls.dead, ({ limit, after, ...selection }) => operations.dead(selection, pageOf(limit, after))),
    on('redriveDead', calls.redriveDead, async (order) => ordered(await operations.redriveDead(selectionOf(order)))),
    on('discardDead', calls.discardDead, async (order) => ordered(await operations.discardDead(selectionOf(order)))),
    on('quarantine', calls.quarantine, ({ limit, after, ...selection }) =>
      operations.quarantine(selection, pageOf(limit, after)),
    ),
    on('oneQuarantined', calls.oneQuarantined, ({ id, shop }) => operations.oneQuarantined(id, shop)),
    on('redriveQuarantine', calls.redriveQuarantine, async (order) =>
      ordered(await operations.redriveQuarantine(selectionOf(order))),
    ),
    on('discardQuarantine', calls.discardQuarantine, async (order) =>
      ordered(await operations.discardQuarantine(selectionOf(order))),
    ),
    on('jobs', calls.jobs, async () => ({ jobs: await operations.allJobs() })),
    on('job', calls.job, ({ id }) => operations.job(id)),
    on('cancelJob', calls.cancelJob, ({ id }) => done(operations.cancelJob(id))),
    on('replay', calls.replay, async ({ dry_run, ...order }) =>
      dry_run ? { plan: await operations.planReplay(order) } : { job: await operations.startReplay(order) },
    ),
    on('replays', calls.replays, async () => ({ replays: await operations.replays() })),
    on('cancelReplay', calls.cancelReplay, async ({ id }) => ({ ok: true, job: await operations.cancelReplay(id) })),
    on('balance', calls.balance, () => operations.balance()),
  ];
}

function on<T extends TObject>(
  action: string,
  call: AdminCall<T>,
  answer: (input: Static<T>) => Promise<unknown>,
): AnsweredCall {
  return {
    action,
    call,
    prepare: (given) => {
      const input = inputOf(call, given);
      return { input: { ...input }, run: () => answer(input) };
    },
  };
}

/** A mistake must not select everything: an empty selection needs an explicit `all`. */
function selectionOf<T extends { readonly all?: true }>({ all, ...selection }: T): Omit<T, 'all'> {
  if (Object.keys(selection).length === 0 && all !== true)
    throw new BadOrder(
      'the body: must have a selection such as {"shop": …}, got an empty one; for everything say {"all": true}',
    );
  return selection;
}

/** The counts so far, and the job, which may still be running. */
const ordered = (job: JobReport) => ({ ...job.counts, job });

const pageOf = (limit: number, after: string | undefined) => ({ limit, ...(after !== undefined && { after }) });

const done = async (order: Promise<void>): Promise<{ ok: true }> => {
  await order;
  return { ok: true };
};
