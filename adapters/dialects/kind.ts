import { realId, realShopId } from './ids.ts';
import { type Json, object } from './values.ts';

/**
 * The type, session and device of an event as hashes in 32 bits (12, 10 and 10 bits; 0 if not stated). It shows that two events with the same id
 * are different. It need not be secret: a client that sends a known id can always leave session and device out.
 */
export type Kind = number;

/** Nothing but the id is known. */
export const UNKNOWN_KIND: Kind = 0;

/** A text and its hash, until another one comes: nearly all events of a body have the same session and device, and many the same type. */
interface Hashed {
  text: string;
  hash: number;
  readonly bits: number;
}

const PERSON_BITS = 10;
const PERSON_MASK = 2 ** PERSON_BITS - 1;
const types: Hashed = { text: '', hash: 0, bits: 12 };
const sessions: Hashed = { text: '', hash: 0, bits: PERSON_BITS };
const devices: Hashed = { text: '', hash: 0, bits: PERSON_BITS };

/** `type`: the type in the model, so that all dialects give the same. Empty texts count as absent. */
export function kindOf(type: string | undefined, session: string | undefined, device: string | undefined): Kind {
  return (
    ((hashOf(type, types) << (2 * PERSON_BITS)) |
      (hashOf(session, sessions) << PERSON_BITS) |
      hashOf(device, devices)) >>>
    0
  );
}

/** Whether two events with the same id must be different: their types differ, or both session and device differ and both events state both. */
export function areDifferent(a: Kind, b: Kind): boolean {
  return differ(a, b, 2) || (differ(a, b, 1) && differ(a, b, 0));
}

function differ(a: Kind, b: Kind, part: 0 | 1 | 2): boolean {
  const [one, other] = [a, b].map((kind) =>
    part === 2 ? kind >>> (2 * PERSON_BITS) : (kind >>> (part * PERSON_BITS)) & PERSON_MASK,
  );
  return one !== 0 && other !== 0 && one !== other;
}

function hashOf(text: string | undefined, last: Hashed): number {
  if (text === undefined) return 0;
  if (text !== last.text) {
    last.text = text;
    last.hash = short(text, last.bits);
  }
  return last.hash;
}

/** A hash of a text that is never 0; 0 if it is empty. */
function short(value: string, bits: number): number {
  if (value === '') return 0;
  let hash = 0x811c9dc5;
  for (let i = 0; i < value.length; i++) hash = Math.imul(hash ^ value.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash ^= hash >>> 13;
  return 1 + ((hash >>> 0) % (2 ** bits - 1));
}

/** The key that all purchases of one order share: the order's id, else the checkout's token; undefined if neither is stated. */
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

/** The type of events with an order. */
export const PURCHASE = 'purchase';
