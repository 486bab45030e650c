import { crc32 } from 'node:zlib';

/** Who an event of the audit is, and the checksum of what it carries. */
export interface Mark {
  readonly id: string;
  readonly shop: string;
  readonly lane: string;
  /** Place in its lane: 0, 1, 2 … */
  readonly n: number;
  readonly crc: number;
}

/** The id says where an event belongs, so that a single one can be traced by eye. */
export const idOf = (run: string, lane: string, n: number): string => `${run}-${lane}-${n}`;

/** A Layers event to send, and its mark. */
export function plant(
  run: string,
  shop: string,
  lane: string,
  n: number,
  payload: string,
): { event: object; mark: Mark } {
  const id = idOf(run, lane, n);
  const product = 7_982_300_000_000 + n;
  const type = n % 3 === 0 ? 'add_to_cart' : 'product_view';
  const crc = checksum([shop, id, lane, n, type, product, payload]);
  const event = {
    event_id: id,
    event_type: type,
    timestamp: new Date().toISOString(),
    session_id: lane,
    product_id: product,
    contextual_data: { lane, n, payload, crc },
  };
  return { event, mark: { id, shop, lane, n, crc } };
}

/** The mark of an event as it arrived. The checksum is made anew from what arrived, so that the judge sees any change. */
export function recognise(event: unknown): Mark {
  const { event_id, shop, session_id, event_type, product_id, contextual_data } = fieldsOf(event);
  const { n, payload } = fieldsOf(contextual_data);
  const crc = checksum([shop, event_id, session_id, n, event_type, product_id, payload]);
  return { id: String(event_id), shop: String(shop), lane: String(session_id), n: Number(n), crc };
}

const checksum = (parts: readonly unknown[]): number => crc32(parts.join('\n'));

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
