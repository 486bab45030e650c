import type { Outbound } from '../../../adapters/destinations/destination.ts';
import { view } from '../../../adapters/dialects/index.ts';
import type { LogRecord, Verdict } from '../../../adapters/logs/log.ts';
import { renamed } from '../../../adapters/logs/reused.ts';
import type { PipelineId } from '../../../adapters/logs/state/shared.ts';
import type { TailLine } from '../../../schemas/admin-api/tail.ts';
import type { Event } from '../../../schemas/event.ts';
import type { Logger } from '../../base/logger.ts';
import type { Tail } from './tail.ts';

/** Gives the function that publishes each stored record to the tail. */
export function tailStored(
  tail: Pick<Tail, 'listening' | 'publish'>,
  logger: Logger,
): (record: LogRecord, verdicts: readonly Verdict[]) => void {
  return (record, verdicts) => {
    if (!tail.listening) return;
    try {
      const events = viewsOf(record);
      for (const line of [...acceptedLines(record, verdicts, events), ...refusedLines(record)]) tail.publish(line);
    } catch (error) {
      // The record is durable: a fault in showing it must not refuse it.
      logger.error({ reason: error instanceof Error ? error.message : String(error) }, 'an event cannot be watched');
    }
  };
}

function viewsOf({ dialect, body, context, events }: LogRecord): readonly Event[] {
  if (events.length === 0) return [];
  const places = events.map(({ index }) => index);
  const derivations = events.map(({ derived = 0 }) => derived);
  return view(dialect, body.toString(), places, context, derivations);
}

/** Lines for the stored events of a record. `verdicts` and `events` (the record's view) are in the order of its drafts. */
export function acceptedLines(
  { context: { shop, receivedAt } }: Pick<LogRecord, 'context'>,
  verdicts: readonly Verdict[],
  events: readonly Event[],
): TailLine[] {
  const at = new Date(receivedAt).toISOString();
  return events.map((event, i) => {
    const { kind, id } = verdicts[i] ?? {};
    return {
      kind: kind === 'duplicate' ? 'duplicate' : 'accepted',
      at,
      shop,
      event: id === undefined ? event : renamed(event, id),
    };
  });
}

/** Lines for the refused events of a record. */
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
    ...(id !== undefined && { event_id: id }),
    code,
    reasons,
  }));
}

/** Lines for what an attempt did with a pipeline's events. `at`: milliseconds since 1970. */
export function settledLines(
  { shop, pipeline }: PipelineId,
  kind: 'delivered' | 'dead' | 'retried',
  events: readonly Outbound[],
  status: string,
  at: number,
): TailLine[] {
  const time = new Date(at).toISOString();
  return events.map(({ event: { event_id, event_type: type, name } }) => ({
    kind,
    at: time,
    shop,
    pipeline,
    event_id,
    type,
    name,
    status,
  }));
}
