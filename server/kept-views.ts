import type { DeadLetter, PipelineId, Quarantined, QuarantinedHead } from '../adapters/logs/state.ts';
import type { DeadView, QuarantinedHeadView, QuarantinedView } from './operations.ts';
import { idOf } from './quarantine-ids.ts';

/*
 * Dead letters and quarantined events as operators see them. The log keeps times in milliseconds and names as its first version had
 * them; every answer has ISO 8601 and snake_case.
 */

export function deadView(id: PipelineId, letter: DeadLetter): DeadView {
  const { position, event, reason, attempts, at, redrive, leftOut } = letter;
  return {
    ...id,
    position,
    event,
    reason,
    attempts,
    at: iso(at),
    ...(redrive !== undefined && { redrive }),
    ...(leftOut && { left_out: { reason: leftOut.reason, at: iso(leftOut.at) } }),
  };
}

export function quarantinedHeadView({ at, eventId, ...head }: QuarantinedHead): QuarantinedHeadView {
  return { ...head, id: idOf(head), at: iso(at), ...(eventId !== undefined && { event_id: eventId }) };
}

export function quarantinedView({ at, eventId, context, ...item }: Quarantined): QuarantinedView {
  const { receivedAt, ...found } = context;
  return {
    ...item,
    id: idOf(item),
    at: iso(at),
    ...(eventId !== undefined && { event_id: eventId }),
    context: { ...found, received_at: iso(receivedAt) },
  };
}

const iso = (at: number): string => new Date(at).toISOString();
