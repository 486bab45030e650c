import type { Dialect, Rules } from '../../adapters/dialects/dialect.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { PipelineRef } from '../../schemas/admin-api/pipelines.ts';
import type { Clock } from '../base/clock.ts';
import { NotFound } from '../base/errors.ts';
import type { Pipelines } from '../deliver/pipelines.ts';
import type { Shops } from '../ingest/shops.ts';
import { balanceOf } from './balance.ts';
import { deadOperations } from './dead-letters.ts';
import { OperatorJobs } from './jobs.ts';
import type { Operations } from './operations.ts';
import { type Orphans, orphanNamed } from './orphans.ts';
import { pipelineReports } from './pipeline-reports.ts';
import { quarantineOperations } from './quarantine.ts';
import { receiptsOf } from './receipts.ts';
import type { Replays } from './replays.ts';
import { noteOf, withNote } from './tail/note.ts';
import type { Tail } from './tail/tail.ts';

export interface OperatorTools {
  readonly store: Store;
  readonly dialects: readonly Dialect[];
  readonly shops: () => Shops;
  readonly pipelines: Pipelines;
  readonly replays: Replays;
  readonly orphans: Orphans;
  readonly tail: Tail;
  /** Whether this process delivers. */
  readonly deliversEvents: boolean;
  readonly limits: Rules['limits'];
  readonly clock: Clock;
  /** Aborts when the process stops. */
  readonly stopping: AbortSignal;
  /** Called with an unexpected error of a job. */
  readonly onError: (error: unknown) => void;
}

/** Everything an operator can ask and order, on this gateway's own log and pipelines. */
export function createOperations(tools: OperatorTools): Operations {
  const { store, pipelines, replays, tail, shops, clock } = tools;
  const jobs = new OperatorJobs({ ...tools, state: store.state });
  return {
    receipts: (eventId, shop) => receiptsOf(tools, eventId, shop),
    pipelines: () => pipelineReports(tools),
    suspend: async (ref, reason) =>
      found(pipelines.find(ref) && (await store.state.cursors.suspend(ref, { reason, at: clock.now() })), ref, tools),
    resume: async (ref) =>
      found(
        (pipelines.find(ref) || (await replays.revive(ref))) && (await store.state.cursors.resume(ref)),
        ref,
        tools,
      ),
    ...deadOperations(tools, jobs),
    ...quarantineOperations(tools, jobs),
    allJobs: () => jobs.all(),
    job: (id) => jobs.one(id),
    cancelJob: (id) => jobs.cancel(id),
    planReplay: (order) => replays.plan(order),
    planningReplay: (order) => replays.planning(order),
    startReplay: (order) => replays.start(order),
    replays: () => replays.jobs(),
    cancelReplay: (id) => replays.cancel(id),
    adoptPipeline: async (orphan, as) => replays.adopt(await orphanNamed(tools, orphan), as),
    discardPipeline: (orphan) => tools.orphans.discard(orphan),
    balance: async () =>
      balanceOf(
        store.log,
        shops().all.map(({ config }) => config.shop),
        await pipelines.statuses(),
      ),
    tail: (filter, signal) => withNote(tail.lines(filter, signal), () => noteOf(tools)),
  };
}

function found(done: boolean | undefined, ref: PipelineRef, { pipelines }: OperatorTools): void {
  // A configured pipeline has begun or is beginning just now.
  if (!done && pipelines.get(ref)) throw new NotFound(`no pipeline ${ref.pipeline} in the shop ${ref.shop} yet`);
}
