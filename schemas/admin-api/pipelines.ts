import Type from 'typebox';
import { PipelineStanding } from '../pipeline-state.ts';
import { type Answer, ByReason, Count, countOf, input, maybe, shopAndPipeline, text } from './common.ts';

/** The key of a pipeline. */
export const pipelineRef = { shop: text("The shop's domain."), pipeline: text('Id of the pipeline in its shop.') };

export const ResumeOrder = input(pipelineRef);
export type PipelineRef = Answer<typeof ResumeOrder>;

export const SuspendOrder = input({ ...pipelineRef, reason: text('The reason, for other operators.') });

export const AdoptOrder = input({
  ...pipelineRef,
  as: text('Id of the pipeline of the same shop that takes its events.'),
});

export const DiscardOrder = input({
  ...pipelineRef,
  confirm: Type.Literal(true, { description: 'Required: what it owes is gone for good.' }),
});

export const PipelineReport = Type.Object({
  ...shopAndPipeline,
  destination: maybe(Type.String({ description: 'Absent if it is orphaned.' })),
  ...PipelineStanding.properties,
  position: Count,
  delivered: Count,
  dead: Count,
  filtered: ByReason,
  dropped: ByReason,
});
export type PipelineReport = Answer<typeof PipelineReport>;

export const PipelineReports = Type.Object({ pipelines: Type.Array(PipelineReport) });

export const OrphanDiscard = Type.Object({
  pending: countOf('Events that it had yet to pass, which are let go of.'),
  dead: countOf('Its dead letters, which are let go of.'),
});
export type OrphanDiscard = Answer<typeof OrphanDiscard>;
