import type { Outbound } from '../adapters/destinations/destination.ts';
import type { LogRecord, Verdict } from '../adapters/logs/log.ts';
import type { PipelineId } from '../adapters/logs/state.ts';
import type { Event } from '../schemas/event.ts';
import type { TailLine } from './operations.ts';

/** What became of the events of a record that may be stored. `verdicts` and `events` (the record's view) are those of its drafts, in order. */
export function acceptedLines(
  { context: { shop, receivedAt } }: Pick<LogRecord, 'context'>,
  verdicts: readonly Verdict[],
  events: readonly Event[],
): TailLine[] {
  const at = new Date(receivedAt).toISOString();
  return events.map((event, i) => ({
    kind: verdicts[i]?.kind === 'duplicate' ? 'duplicate' : 'accepted',
    at,
    shop,
    event,
  }));
}

/** What was refused of a record, or the record as a whole. */
export function refusedLines({
  dialect,
  context: { shop, receivedAt },
  refused,
}: Pick<LogRecord, 'dialect' | 'context' | 'refused'>): TailLine[] {
  const at = new Date(receivedAt).toISOString();
  return refused.map(({ name, id, code, reasons }) => ({
    kind: 'refused',
    at,
    shop,
    dialect,
    ...(name !== undefined && { name }),
    ...(id !== undefined && { eventId: id }),
    code,
    reasons,
  }));
}

/** What an attempt made of events of a pipeline; `at`: milliseconds since 1970. */
export function settledLines(
  { shop, pipeline }: PipelineId,
  kind: 'delivered' | 'dead' | 'retried',
  events: readonly Outbound[],
  status: string,
  at: number,
): TailLine[] {
  const time = new Date(at).toISOString();
  return events.map(({ event: { event_id: eventId, event_type: type, name } }) => ({
    kind,
    at: time,
    shop,
    pipeline,
    eventId,
    type,
    name,
    status,
  }));
}
