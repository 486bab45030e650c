import type { Event } from '../../schemas/event.ts';
import type { Context, Draft } from './dialect.ts';
import { enriched } from './enriched.ts';
import { anyId, DERIVATION, derivedId, digits } from './ids.ts';
import { kindOf, orderOf, PURCHASE } from './kind.ts';
import { iso, utc } from './timestamp.ts';
import { absent, filled, type Json, number, object, present, text } from './values.ts';

/** The id of an event: the client's, or one derived from all that the client sent. Reading and viewing agree on it. */
export const layersId = (event: Json): string => text(event.event_id) ?? derivedId(event);

/** What the log needs of an event that passed validation. */
export function layersDraft(index: number, event: Json): Draft {
  const type = String(event.event_type);
  return {
    index,
    id: layersId(event),
    kind: kindOf(type, text(event.session_id), text(event.device_id)),
    ...(isDerived(event) && { derived: DERIVATION }),
    ...(type === PURCHASE && { order: orderOf(event) }),
  };
}

const isDerived = (event: Json): boolean => text(event.event_id) === undefined;

/** Gives the model of events that passed validation. What the gateway found out itself replaces what the client says of it. */
export function layersViewer(context: Context): (event: Json) => Event {
  const found = enriched(context);
  return (event) => {
    const name = String(event.event_type);
    const fields = known(event);
    const extra = leftover(event, fields);
    return {
      event_id: layersId(event),
      id_source: absent(event.event_id) ? 'derived' : 'client',
      event_type: name,
      name,
      dialect: 'layers',
      timestamp: utc(event.timestamp) ?? iso(context.receivedAt),
      ...fields,
      shopping_channel: fields.shopping_channel ?? context.channel,
      ...(context.trust === 'server' && place(event)),
      ...found,
      ...(extra && { extra }),
    };
  };
}

const channel = (value: unknown) => (value === 'web' || value === 'app' ? value : undefined);

/** The contract's fields that the model has too, under the same name, and how each is read. */
const readers = {
  session_id: text,
  device_id: text,
  customer_id: anyId,
  attribution_token: text,
  product_id: digits,
  variant_id: digits,
  position: number,
  collection_handle: text,
  query: text,
  search_id: text,
  block_id: text,
  marketing_source: text,
  marketing_medium: text,
  marketing_campaign: text,
  shopping_channel: channel,
  contextual_data: filled,
} satisfies Partial<Record<keyof Event, (value: unknown) => unknown>>;

type Known = { -readonly [K in keyof typeof readers]?: NonNullable<ReturnType<(typeof readers)[K]>> };

function known(event: Json): Known {
  const found: Record<string, unknown> = {};
  for (const [key, read] of fields) {
    const value = read(event[key]);
    if (value !== undefined) found[key] = value;
  }
  return found;
}

const fields: ReadonlyMap<string, (value: unknown) => unknown> = new Map(Object.entries(readers));

/** Where the shopper is, by a server that sends for him: where that server is says nothing of it. */
const place = (event: Json) =>
  present({
    geo_country: text(event.geo_country),
    geo_state: text(event.geo_state),
    geo_city: text(event.geo_city),
  });

/** Said elsewhere in the model, or known better by the gateway. */
const replaced = new Set(
  'event_id event_type timestamp geo_country geo_state geo_city device_type browser os'.split(' '),
);

/** Keys that the contract does not know, and those of a shop's own event whose values are not what the model has under that name. */
function leftover(event: Json, taken: Known): Record<string, unknown> | undefined {
  let keys: string[] | undefined;
  for (const key of Object.keys(event)) {
    if (replaced.has(key) || Object.hasOwn(taken, key) || (fields.has(key) && nothing(event[key]))) continue;
    keys ??= [];
    keys.push(key);
  }
  return keys && Object.fromEntries(keys.map((key) => [key, event[key]]));
}

const nothing = (value: unknown): boolean => absent(value) || (object(value) !== undefined && !filled(value));
