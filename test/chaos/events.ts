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

/** What kind of event to plant. */
export interface Shape {
  readonly dialect: 'layers' | 'glood';
  /** By the model's name. */
  readonly type: 'product_view' | 'add_to_cart';
  /** Whether the shopper allows analytics; not said if absent. Only Glood can say it. */
  readonly analytics?: boolean | undefined;
  /** Destinations can be told to dislike marked events. */
  readonly marked?: boolean;
}

/** The id says where an event belongs, so that a single one can be traced by eye. */
export const idOf = (run: string, lane: string, n: number): string => `${run}-${lane}-${n}`;

/** What a plain load sends: every third event goes into the cart. */
export const plainShape = (n: number): Shape => ({
  dialect: 'layers',
  type: n % 3 === 0 ? 'add_to_cart' : 'product_view',
});

/** Whether a plain load sends the event of this id into the cart. */
export const isCart = (id: string): boolean =>
  plainShape(Number(id.slice(id.lastIndexOf('-') + 1))).type === 'add_to_cart';

/** An event to send, for Glood the whole body, and its mark. */
export function plant(
  run: string,
  shop: string,
  lane: string,
  n: number,
  payload: string,
  { dialect, type, analytics, marked }: Shape = plainShape(n),
): { event: object; mark: Mark } {
  const id = idOf(run, lane, n);
  const product = 7_982_300_000_000 + n;
  const crc = checksum([shop, id, lane, n, type, product, payload]);
  const carried = { lane, n, payload, crc, ...(marked && { marked }) };
  const timestamp = new Date().toISOString();
  const mark = { id, shop, lane, n, crc };
  if (dialect === 'layers') {
    const about = { event_id: id, event_type: type, timestamp, session_id: lane, product_id: product };
    return { event: { ...about, contextual_data: carried }, mark };
  }
  const name = type === 'product_view' ? 'product_viewed' : 'product_added_to_cart';
  const body = {
    event: { id, name, type: 'standard', timestamp, data: { product_id: String(product), ...carried } },
    session_id: lane,
    ...(analytics !== undefined && { customer_privacy: { analyticsProcessingAllowed: analytics } }),
  };
  return { event: body, mark };
}

/** The mark of an event as it arrived. The checksum is made anew from what arrived, so that the judge sees any change. */
export function recognise(event: unknown): Mark {
  const { event_id, shop, session_id, event_type, product_id } = fieldsOf(event);
  const { n, payload } = carriedBy(event);
  const crc = checksum([shop, event_id, session_id, n, event_type, product_id, payload]);
  return { id: String(event_id), shop: String(shop), lane: String(session_id), n: Number(n), crc };
}

/** Whether an event that arrived is marked. */
export const isMarked = (event: unknown): boolean => carriedBy(event).marked === true;

function carriedBy(event: unknown): Record<string, unknown> {
  const { contextual_data, data } = fieldsOf(event);
  return fieldsOf(contextual_data ?? data);
}

const checksum = (parts: readonly unknown[]): number => crc32(parts.join('\n'));

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
