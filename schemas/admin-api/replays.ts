import Type from 'typebox';
import {
  type Answer,
  ByReason,
  between,
  Count,
  countOf,
  input,
  maybe,
  shopAndPipeline,
  text,
  types,
  When,
} from './common.ts';
import { pipelineRef } from './pipelines.ts';

const order = { ...pipelineRef, ...between('receipt'), types };

export const ReplayPlanQuery = input(order);
/** Which stretch of the log to deliver again. Without `from` it begins at the oldest event kept, without `to` it ends now. */
export type ReplayOrder = Answer<typeof ReplayPlanQuery>;

export const ReplayRequest = input({
  ...order,
  dry_run: Type.Optional(Type.Boolean({ description: 'Only answer the plan.' })),
});
export const ReplayRef = input({ id: text('Id of the replay.') });

export const ReplayPlan = Type.Object({
  ...shopAndPipeline,
  from: Count,
  to: Count,
  events: countOf('Events of the stretch.'),
  wanted: countOf('Of those, the ones that would be sent.'),
  by_type: Type.Record(Type.String(), Count, { description: 'The ones that would be sent, by type.' }),
  again: countOf('Of those that would be sent, the ones delivered before: the destination gets them twice.'),
  filtered: ByReason,
});
export type ReplayPlan = Answer<typeof ReplayPlan>;

export const ReplayPlanned = Type.Object({
  position: countOf('Up to where it has looked; the plan is whole at its `to`.'),
  plan: ReplayPlan,
});
export type ReplayPlanned = Answer<typeof ReplayPlanned>;

export const ReplayJob = Type.Object({
  ...shopAndPipeline,
  id: Type.String(),
  state: Type.Enum(['running', 'failing', 'suspended', 'blocked', 'done', 'cancelled'], {
    description:
      'failing: no attempt has settled anything since `failing_since`. blocked: it is not delivered now; `reason` says why.',
  }),
  adopts: maybe(Type.String({ description: 'The orphaned pipeline whose events these are.' })),
  reason: maybe(Type.String({ description: 'Why it is stopped, or the last answer if it is failing.' })),
  failing_since: maybe(When),
  from: Count,
  to: Count,
  position: Count,
  delivered: Count,
  dead: Count,
  filtered: Count,
  started_at: When,
});
export type ReplayJob = Answer<typeof ReplayJob>;

export const ReplayJobs = Type.Object({ replays: Type.Array(ReplayJob) });
export const PlanOrJob = Type.Union([Type.Object({ plan: ReplayPlan }), Type.Object({ job: ReplayJob })]);
export const Adopted = Type.Object({ job: ReplayJob });
export const ReplayCancelled = Type.Object({ ok: Type.Literal(true), job: ReplayJob });
