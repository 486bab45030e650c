import Type, { type Static } from 'typebox';

/** The states of a pipeline and their meanings. Every answer, table, metric, log line and document uses these words. */
export const PIPELINE_STATES = {
  idle: 'it has passed every event of the log',
  delivering: 'events wait for it, and a process delivers them',
  failing: 'no attempt has settled anything since `failing_since`; it is tried again and again',
  suspended: 'it is stopped until somebody resumes it',
  unmoved: 'events may wait for it, and no process moves it: none with PROCESS=worker or all runs',
  orphaned: 'it is not in the configuration, and still owes events or dead letters',
} as const;

export type PipelineState = keyof typeof PIPELINE_STATES;

export const pipelineStates = Object.keys(PIPELINE_STATES) as PipelineState[];

const time = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }));

const meanings = pipelineStates.map((state) => `${state}: ${PIPELINE_STATES[state]}.`).join(' ');

/** The state of a pipeline and its details. */
export const PipelineStanding = Type.Object({
  state: Type.Enum(pipelineStates, { description: meanings }),
  since: time('Since when it is failing, suspended, unmoved or orphaned, if known.'),
  reason: Type.Optional(Type.String({ description: 'The last answer if it is failing, otherwise why it is stopped.' })),
  failing_since: time('Since when no attempt has settled anything; also present if it is unmoved or orphaned.'),
  failed_attempts: Type.Integer({
    minimum: 0,
    description: 'Attempts in a row that have settled nothing: no event was delivered or became a dead letter.',
  }),
  next_attempt_at: time('When it is tried again; absent while it is being tried.'),
  last_success_at: time('When something was delivered the last time; absent if nothing ever was.'),
  pending: Type.Integer({ minimum: 0, description: 'Events that it has yet to pass.' }),
  lag_seconds: Type.Number({
    minimum: 0,
    description: 'Age of the oldest event that it has yet to pass, from its receipt; 0 if there is none.',
  }),
});

export type PipelineStanding = Static<typeof PipelineStanding>;
