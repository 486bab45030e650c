import Type, { type TProperties } from 'typebox';
import { PipelineStanding } from '../pipeline-state.ts';
import { type Answer, Count, countOf, input, maybe, optionalText, text, When } from './common.ts';

export const ReceiptQuery = input({ event_id: text('Id of the event.'), shop: optionalText('Only in this shop.') });

const pipelineState = <State extends string, T extends TProperties>(state: State, rest: T, description?: string) =>
  Type.Object(
    { pipeline: Type.String(), state: Type.Literal(state), ...rest },
    description === undefined ? {} : { description },
  );

export const PipelineReceipt = Type.Union([
  pipelineState('delivered', { at: maybe(When), attempts: maybe(Count), status: maybe(Type.String()) }),
  pipelineState('pending', {
    behind: countOf('Events before it that the pipeline has yet to finish.'),
    standing: PipelineStanding,
  }),
  pipelineState('filtered', { reason: Type.String() }),
  pipelineState('dead', { at: When, attempts: Count, reason: Type.String(), redriving: Type.Boolean() }),
  pipelineState(
    'dropped',
    { reason: Type.String() },
    'It was gone from the log before the pipeline came to it, or was discarded.',
  ),
  pipelineState('before', { starts_after: Count }, 'It is older than the pipeline; a replay sends it.'),
]);
export type PipelineReceipt = Answer<typeof PipelineReceipt>;

export const Receipt = Type.Object(
  {
    event_id: Type.String(),
    shop: Type.String(),
    state: Type.Enum(['stored', 'quarantined']),
    received_at: When,
    dialect: Type.String(),
    type: maybe(Type.String({ description: 'The canonical type of a stored event, else the name as sent.' })),
    position: maybe(countOf('Of a stored event.')),
    id_source: maybe(Type.Enum(['client', 'derived', 'reused'])),
    trust: maybe(Type.Enum(['public', 'server'])),
    enrichment: maybe(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Boolean()]), {
        description: 'What the gateway added to it: country, channel, device and so on.',
      }),
    ),
    pipelines: maybe(Type.Array(PipelineReceipt)),
    quarantine_id: maybe(Type.String({ description: 'Of a quarantined event.' })),
    reasons: maybe(
      Type.Array(Type.String(), {
        description: 'Why it was refused; of a stored event, why this version cannot read it.',
      }),
    ),
  },
  { description: 'What happened to an event.' },
);
export type Receipt = Answer<typeof Receipt>;

export const Receipts = Type.Object({ receipts: Type.Array(Receipt) });
