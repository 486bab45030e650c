import Type, { type TProperties } from 'typebox';
import { Event } from './event.ts';
import { PipelineStanding } from './pipeline-state.ts';

/*
 * The admin API in shapes: what its calls take (closed: a key that is not known is refused, so that a typing error never
 * widens a selection) and what they answer. The types that code uses are those of server/operate/operations.ts.
 */

/** A call's input: path, query and body together. */
export const input = <T extends TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false });

const text = (description: string) => Type.String({ minLength: 1, maxLength: 500, description });
const optional = (description: string) => Type.Optional(text(description));

/** What a time may be in a call, in words; server/base/times.ts reads it. */
export const TIME_EXPECTED =
  'a day such as 2026-06-01, a time with its zone such as 2026-06-01T12:00:00Z, an age such as 30m, 2h or 7d, or now, today or yesterday (UTC)';

/** As it is once it was read. */
const UTC = /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/;

const Time = (description: string) =>
  Type.Optional(Type.Refine(Type.String({ expected: TIME_EXPECTED, description }), (given) => UTC.test(String(given))));

const between = (of: string) => ({
  from: Time(`From this time of ${of}, inclusive: ISO 8601, an age such as 2h, or now, today or yesterday (UTC).`),
  to: Time(`To this time of ${of}, exclusive; written likewise.`),
});

const page = {
  limit: Type.Integer({ default: 100, minimum: 1, maximum: 1000, description: 'Most items of the answer.' }),
  after: optional("The previous page's `next`."),
};
const all = Type.Optional(Type.Literal(true, { description: 'Must be given where nothing else selects.' }));

/** Names a pipeline. */
export const pipelineRef = { shop: text("The shop's domain."), pipeline: text('Id of the pipeline in its shop.') };

const deadSelection = {
  shop: optional("The shop's domain."),
  pipeline: optional('Id of the pipeline.'),
  event_id: optional('Id of the event.'),
  reason: optional('Part of the reason.'),
  ...between('death'),
};
const quarantineSelection = {
  shop: optional("The shop's domain."),
  id: optional('Id in quarantine.'),
  event_id: optional('Id of the event, as sent.'),
  code: optional('Code of the reason.'),
  ...between('arrival'),
};
const types = Type.Optional(
  Type.Array(text('A pattern such as product_*.'), {
    minItems: 1,
    description: 'Types of events, as in the `events` of a pipeline.',
  }),
);

export const ReceiptQuery = input({ event_id: text('Id of the event.'), shop: optional('Only in this shop.') });
export const SuspendOrder = input({ ...pipelineRef, reason: text('Why, for whoever looks next.') });
export const ResumeOrder = input(pipelineRef);
export const DeadQuery = input({ ...deadSelection, ...page });
export const DeadExport = input(deadSelection);
export const DeadOrder = input({ ...deadSelection, all });
export const QuarantineQuery = input({ ...quarantineSelection, ...page });
export const QuarantinedQuery = input({ id: text('Id in quarantine.'), shop: optional('Only in this shop.') });
export const QuarantineExport = input(quarantineSelection);
export const QuarantineOrder = input({ ...quarantineSelection, all });
const replayOrder = { ...pipelineRef, ...between('receipt'), types };

export const ReplayPlanQuery = input(replayOrder);
export const ReplayRequest = input({
  ...replayOrder,
  dry_run: Type.Optional(Type.Boolean({ description: 'Only answer the plan.' })),
});
export const JobRef = input({ id: text('Id of the job.') });
export const AdoptOrder = input({
  ...pipelineRef,
  as: text('Id of the pipeline of the same shop that takes its events.'),
});
export const DiscardOrder = input({
  ...pipelineRef,
  confirm: Type.Literal(true, { description: 'Must be given: what it owes is gone for good.' }),
});
export const ReplayRef = input({ id: text('Id of the replay.') });
export const TailQuery = input({
  shop: optional("The shop's domain."),
  pipeline: optional('Id of the pipeline, for deliveries.'),
  types,
  kinds: Type.Optional(
    Type.Array(Type.Enum(['accepted', 'duplicate', 'refused', 'delivered', 'dead', 'retried', 'missed']), {
      minItems: 1,
      description: 'Kinds of lines. Without it: all.',
    }),
  ),
});
export const NoInput = input({});

const Count = Type.Integer({ minimum: 0 });
const When = Type.String({ format: 'date-time', description: 'ISO 8601 in UTC.' });
const ByReason = Type.Record(Type.String(), Count, { description: 'By reason.' });
const shopAndPipeline = { shop: Type.String(), pipeline: Type.String() };
const maybe = <T extends Type.TSchema>(schema: T) => Type.Optional(schema);

const pipelineState = <State extends string, T extends TProperties>(state: State, rest: T) =>
  Type.Object({ pipeline: Type.String(), state: Type.Literal(state), ...rest });

export const PipelineReceipt = Type.Union([
  pipelineState('delivered', { at: maybe(When), attempts: maybe(Count), status: maybe(Type.String()) }),
  pipelineState('pending', { behind: Count, standing: PipelineStanding }),
  pipelineState('filtered', { reason: Type.String() }),
  pipelineState('dead', { at: When, attempts: Count, reason: Type.String(), redriving: Type.Boolean() }),
  pipelineState('dropped', { reason: Type.String() }),
  pipelineState('before', { starts_after: Count }),
]);

export const Receipt = Type.Object(
  {
    event_id: Type.String(),
    shop: Type.String(),
    state: Type.Enum(['stored', 'quarantined']),
    received_at: When,
    dialect: Type.String(),
    type: maybe(Type.String()),
    position: maybe(Count),
    id_source: maybe(Type.Enum(['client', 'derived', 'reused'])),
    trust: maybe(Type.Enum(['public', 'server'])),
    enrichment: maybe(Type.Record(Type.String(), Type.Union([Type.String(), Type.Boolean()]))),
    pipelines: maybe(Type.Array(PipelineReceipt)),
    quarantine_id: maybe(Type.String()),
    reasons: maybe(Type.Array(Type.String())),
  },
  { description: 'What happened to an event.' },
);

export const PipelineReport = Type.Object({
  ...shopAndPipeline,
  destination: maybe(Type.String({ description: 'Absent where it is orphaned.' })),
  ...PipelineStanding.properties,
  position: Count,
  delivered: Count,
  dead: Count,
  filtered: ByReason,
  dropped: ByReason,
});

export const DeadLetter = Type.Object(
  {
    ...shopAndPipeline,
    position: Count,
    event: Event,
    reason: Type.String(),
    attempts: Count,
    at: When,
    redrive: maybe(Type.Boolean({ description: 'It is to be tried once more.' })),
    left_out: maybe(
      Type.Object(
        { reason: Type.String(), at: When },
        { description: "It was tried again, and today's filter left it out." },
      ),
    ),
  },
  { description: 'An event that a destination will never take.' },
);

const quarantined = {
  id: Type.String({ description: 'Its own over all shops and times.' }),
  shop: Type.String(),
  at: When,
  dialect: Type.String(),
  code: Type.String(),
  reasons: Type.Array(Type.String()),
  index: maybe(Type.Integer()),
  event_id: maybe(Type.String()),
  name: maybe(Type.String()),
};

export const QuarantinedHead = Type.Object(
  {
    ...quarantined,
    bytes: Type.Integer({ minimum: 0, description: 'Size of its body.' }),
    beginning: Type.String({ description: 'The first 200 characters of its body.' }),
  },
  {
    description:
      'An event refused at ingest, without its body. Long texts are cut, and of many reasons the first are given.',
  },
);

export const Quarantined = Type.Object(
  {
    ...quarantined,
    raw: Type.String({ description: 'The event as it came, but for keys of carts.' }),
    context: Type.Object(
      {
        shop: Type.String(),
        received_at: When,
        trust: Type.Enum(['public', 'server']),
        channel: Type.Enum(['web', 'app']),
        geo: maybe(Type.Object({})),
        agent: maybe(Type.Object({})),
        headers: maybe(Type.Record(Type.String(), Type.String())),
      },
      { description: 'What the request said, and what enrichment found then.' },
    ),
  },
  { description: 'An event refused at ingest.' },
);

export const pageOf = (item: Type.TSchema) =>
  Type.Object({
    items: Type.Array(item),
    next: maybe(Type.String({ description: 'The `after` of the following page; absent on the last.' })),
  });

export const Job = Type.Object(
  {
    id: Type.String(),
    of: Type.Enum(['quarantine', 'dead']),
    kind: Type.Enum(['redrive', 'discard']),
    shop: maybe(Type.String({ description: 'Absent: all shops.' })),
    selection: Type.Record(Type.String(), Type.String()),
    state: Type.Enum(['running', 'done', 'cancelled', 'interrupted', 'failed'], {
      description: 'Interrupted: its process ended. What it did is done; the same order again does the rest.',
    }),
    started_at: When,
    looked: Type.Integer({ minimum: 0, description: 'Looked at so far, selected or not.' }),
    counts: Type.Record(Type.String(), Count, { description: 'What became of those that were selected.' }),
    reason: maybe(Type.String({ description: 'Why it failed.' })),
  },
  { description: 'A redrive or a discard.' },
);

export const ReplayPlan = Type.Object({
  ...shopAndPipeline,
  from: Count,
  to: Count,
  events: Count,
  wanted: Count,
  by_type: Type.Record(Type.String(), Count),
  again: Count,
  filtered: ByReason,
});

export const ReplayPlanned = Type.Object({
  position: Type.Integer({ minimum: 0, description: 'Up to where it has looked; the plan is whole at its `to`.' }),
  plan: ReplayPlan,
});

export const ReplayJob = Type.Object({
  ...shopAndPipeline,
  id: Type.String(),
  state: Type.Enum(['running', 'failing', 'suspended', 'blocked', 'done', 'cancelled'], {
    description:
      'failing: no attempt has settled anything since `failing_since`. blocked: it is not delivered now; `reason` says why.',
  }),
  adopts: maybe(Type.String({ description: 'The orphaned pipeline whose events these are.' })),
  reason: maybe(Type.String({ description: 'Why it does not go on, or the last answer where it fails.' })),
  failing_since: maybe(When),
  from: Count,
  to: Count,
  position: Count,
  delivered: Count,
  dead: Count,
  filtered: Count,
  started_at: When,
});

export const Balance = Type.Object({
  balanced: Type.Boolean(),
  shops: Type.Array(
    Type.Object({
      shop: Type.String(),
      received: Count,
      appended: Count,
      duplicate: Count,
      quarantined: ByReason,
      difference: Type.Integer(),
    }),
  ),
  pipelines: Type.Array(
    Type.Object({
      ...shopAndPipeline,
      orphaned: maybe(Type.Literal(true, { description: 'It is not configured, and what it owes waits.' })),
      appended: Count,
      delivered: Count,
      dead: Count,
      filtered: ByReason,
      dropped: ByReason,
      pending: Count,
      difference: Type.Integer(),
    }),
  ),
});

const Done = Type.Object({ ok: Type.Literal(true) });
/** What an order has done so far, and the job that goes on with the rest. */
const counted = (...names: string[]) =>
  Type.Object({ ...Object.fromEntries(names.map((name) => [name, Count])), job: Job });

/** What the calls answer, beyond lists of the shapes above. */
export const Answers = {
  receipts: Type.Object({ receipts: Type.Array(Receipt) }),
  pipelines: Type.Object({ pipelines: Type.Array(PipelineReport) }),
  replays: Type.Object({ replays: Type.Array(ReplayJob) }),
  replay: Type.Union([Type.Object({ plan: ReplayPlan }), Type.Object({ job: ReplayJob })]),
  replayCancelled: Type.Object({ ok: Type.Literal(true), job: ReplayJob }),
  orphanDiscarded: Type.Object({ pending: Count, dead: Count }),
  adopted: Type.Object({ job: ReplayJob }),
  redriven: counted('redriven'),
  discarded: counted('discarded'),
  quarantineRedriven: counted('accepted', 'duplicate', 'refused'),
  jobs: Type.Object({ jobs: Type.Array(Job) }),
  done: Done,
} as const;

export const AdminError = Type.Object({ error: Type.String({ description: 'What was expected, what came.' }) });
