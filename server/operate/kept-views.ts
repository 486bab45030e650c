import { withoutCartKeys, withoutCartKeysIn } from '../../adapters/dialects/cart-key.ts';
import { iso } from '../../adapters/dialects/timestamp.ts';
import type { DeadLetter } from '../../adapters/logs/state/dead-letters.ts';
import type { Quarantined, QuarantinedHead } from '../../adapters/logs/state/quarantine.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import type { DeadView } from '../../schemas/admin-api/dead-letters.ts';
import type { QuarantinedHeadView, QuarantinedView } from '../../schemas/admin-api/quarantine.ts';
import { idOf } from './quarantine-ids.ts';

/*
 * Dead letters and quarantined events as operators see them. The log has times in milliseconds and camelCase names; answers have ISO 8601
 * and snake_case. The log keeps refused events as they came, with their cart keys; answers never show those.
 */

export function deadView(id: PipelineId, letter: DeadLetter): DeadView {
  const { position, event, reason, attempts, at, redrive, leftOut } = letter;
  return {
    ...id,
    position,
    event: withoutCartKeysIn(event),
    reason: withoutCartKeys(reason),
    attempts,
    at: iso(at),
    ...(redrive !== undefined && { redrive }),
    ...(leftOut && { left_out: { reason: leftOut.reason, at: iso(leftOut.at) } }),
  };
}

export function quarantinedHeadView({ beginning, ...item }: QuarantinedHead): QuarantinedHeadView {
  return { ...common(item), beginning: withoutCartKeys(beginning) };
}

export function quarantinedView({ raw, context, ...item }: Quarantined): QuarantinedView {
  const { receivedAt, ...found } = context;
  return { ...common(item), raw: withoutCartKeys(raw), context: { ...found, received_at: iso(receivedAt) } };
}

function common<T extends Omit<Quarantined, 'raw' | 'context'>>({ at, eventId, name, reasons, ...item }: T) {
  return {
    ...(item as typeof item & { readonly index?: number }),
    id: idOf(item),
    at: iso(at),
    reasons: reasons.map(withoutCartKeys),
    ...(eventId !== undefined && { event_id: withoutCartKeys(eventId) }),
    ...(name !== undefined && { name: withoutCartKeys(name) }),
  };
}
