import Type from 'typebox';
import { type Answer, ByReason, Count, countOf, maybe, shopAndPipeline } from './common.ts';

export const ShopBalance = Type.Object({
  shop: Type.String(),
  received: Count,
  appended: Count,
  duplicate: Count,
  quarantined: ByReason,
  difference: Type.Integer({
    description: 'received - appended - duplicate - quarantined: 0 unless something is wrong.',
  }),
});
export type ShopBalance = Answer<typeof ShopBalance>;

export const PipelineBalance = Type.Object({
  ...shopAndPipeline,
  orphaned: maybe(Type.Literal(true, { description: 'It is not configured, and what it owes waits.' })),
  appended: countOf('Events of the log since the pipeline began.'),
  delivered: Count,
  dead: Count,
  filtered: ByReason,
  dropped: ByReason,
  pending: Count,
  difference: Type.Integer({
    description: 'appended - delivered - dead - filtered - dropped - pending: 0 unless something is wrong.',
  }),
});
export type PipelineBalance = Answer<typeof PipelineBalance>;

export const Balance = Type.Object({
  balanced: Type.Boolean(),
  shops: Type.Array(ShopBalance),
  pipelines: Type.Array(PipelineBalance),
});
export type Balance = Answer<typeof Balance>;
