import type { Event } from '../../schemas/event.ts';
import type { Context, Draft } from './dialect.ts';
import { enriched } from './enriched.ts';
import { fieldsBy } from './fields.ts';
import { anyId, DERIVATION, derivedId, digits, eventId } from './ids.ts';
import { kindOf, orderOf, PURCHASE } from './kind.ts';
import { utc } from './timestamp.ts';
import { filled, type Json, oneOf, position, present, text, visitorText } from './values.ts';

/** The id of an event: the client's, or one derived from all that the client sent. Reading and viewing agree on it. */
export const layersId = (event: Json): string => eventId(event.event_id) ?? derivedId(event);

/** What the log needs of an event that passed validation. */
export function layersDraft(index: number, event: Json): Draft {
  const type = String(event.event_type);
  return {
    index,
    id: layersId(event),
    kind: kindOf(type, text(event.session_id), text(event.device_id)),
    ...(eventId(event.event_id) === undefined && { derived: DERIVATION }),
    ...(type === PURCHASE && { order: orderOf(event) }),
  };
}

/** Gives the model of events that passed validation. What the gateway found out itself replaces what the client says of it. */
export function layersViewer(context: Context): (event: Json) => Event {
  const enrichment = enriched(context);
  return (event) => {
    const name = String(event.event_type);
    const { found, rest } = fields(event);
    return {
      event_id: found.event_id ?? derivedId(event),
      id_source: found.event_id === undefined ? 'derived' : 'client',
      event_type: name,
      name,
      dialect: 'layers',
      timestamp: enrichment.received_at,
      ...found,
      shopping_channel: found.shopping_channel ?? context.channel,
      ...(context.trust === 'server' && place(event)),
      ...enrichment,
      ...(rest && { extra: rest }),
    };
  };
}

/** The contract's fields that the model has too, under the same name, and how each is read. */
const readers = {
  event_id: eventId,
  timestamp: utc,
  session_id: text,
  device_id: text,
  customer_id: anyId,
  attribution_token: text,
  product_id: digits,
  variant_id: digits,
  position,
  collection_handle: text,
  query: visitorText,
  search_id: text,
  block_id: text,
  marketing_source: visitorText,
  marketing_medium: visitorText,
  marketing_campaign: visitorText,
  shopping_channel: oneOf(['web', 'app']),
  contextual_data: filled,
} satisfies Partial<Record<keyof Event, (value: unknown) => unknown>>;

/** Said elsewhere in the model, or known better by the gateway. */
const replaced = new Set('event_type geo_country geo_state geo_city device_type browser os'.split(' '));

const fields = fieldsBy(readers, replaced);

/** Where the shopper is, by a server that sends for him: where that server is says nothing of it. */
const place = (event: Json) =>
  present({
    geo_country: text(event.geo_country),
    geo_state: text(event.geo_state),
    geo_city: text(event.geo_city),
  });
