import { realId, realShopId } from './ids.ts';
import { type Json, object } from './values.ts';

/**
 * What an event is and whose, in 32 bits: 12 of its type, 10 of its session, 10 of its device; 0 where one is not stated. Two events with
 * one id are compared by it, so it need not be secret: who sends a known id can always leave session and device out.
 */
export type Kind = number;

/** Nothing is known of the event but its id. */
export const UNKNOWN_KIND: Kind = 0;

const TYPE_BITS = 12;
const PERSON_BITS = 10;
const PERSON_MASK = 2 ** PERSON_BITS - 1;

/** `type` in the model's words, so that both dialects mean the same. Empty texts say nothing. */
export function kindOf(type: string | undefined, session: string | undefined, device: string | undefined): Kind {
  return (
    ((short(type, TYPE_BITS) << (2 * PERSON_BITS)) |
      (short(session, PERSON_BITS) << PERSON_BITS) |
      short(device, PERSON_BITS)) >>>
    0
  );
}

/** Whether two events with the same id cannot be one: of different types, or of another session and another device where both state both. */
export function areDifferent(a: Kind, b: Kind): boolean {
  return differ(a, b, 2) || (differ(a, b, 1) && differ(a, b, 0));
}

function differ(a: Kind, b: Kind, part: 0 | 1 | 2): boolean {
  const [one, other] = [a, b].map((kind) =>
    part === 2 ? kind >>> (2 * PERSON_BITS) : (kind >>> (part * PERSON_BITS)) & PERSON_MASK,
  );
  return one !== 0 && other !== 0 && one !== other;
}

/** A hash of a text that is never 0; 0 where there is none. */
function short(value: string | undefined, bits: number): number {
  if (value === undefined || value === '') return 0;
  let hash = 0x811c9dc5;
  for (let i = 0; i < value.length; i++) hash = Math.imul(hash ^ value.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash ^= hash >>> 13;
  return 1 + ((hash >>> 0) % (2 ** bits - 1));
}

/** By what a purchase is known to be of the same order: its order's id, else its checkout's token; undefined where neither is stated. */
export function orderOf(payload: Json): string | undefined {
  const checkout = object(payload.checkout) ?? {};
  const order = object(payload.order) ?? object(checkout.order) ?? {};
  const id = [payload.order_id, payload.orderId, order.id, checkout.order_id]
    .map(realShopId)
    .find((found) => found !== undefined);
  if (id !== undefined) return `order ${id}`;
  const token = realId(payload.checkout_token) ?? realId(payload.checkoutToken) ?? realId(checkout.token);
  return token && `checkout ${token}`;
}

/** The type whose events are of an order. */
export const PURCHASE = 'purchase';
