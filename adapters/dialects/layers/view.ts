import type { Event } from '../../../schemas/event.ts';
import type { Context, Draft } from '../dialect.ts';
import { draftOf } from '../draft.ts';
import { enriched } from '../enriched.ts';
import { type ContentOf, eventId, ownId } from '../event-id.ts';
import { fieldsBy } from '../fields.ts';
import { digits, realId, realShopId } from '../ids.ts';
import { kindOf, orderOf, PURCHASE } from '../kind.ts';
import type { ReplacedNotes } from '../replaced.ts';
import { whenOf, withUnusedTime } from '../timestamp.ts';
import {
  type Json,
  label,
  nonEmpty,
  oneOf,
  position,
  text,
  visitorLabel,
  visitorText,
  withoutUndefined,
} from '../values.ts';

/** What the log needs of an event that passed validation. What is replaced of it is noted. */
export function layersDraft(index: number, event: Json, content: ContentOf, notes: ReplacedNotes): Draft {
  const type = String(event.event_type);
  const found = eventId(event.event_id, content, undefined, index);
  const session = realId(event.session_id);
  const device = realId(event.device_id);
  notes.eventId(event.event_id, found);
  notes.id('session_id', event.session_id, session !== undefined);
  notes.id('device_id', event.device_id, device !== undefined);
  notes.id('customer_id', event.customer_id);
  notes.time(event.timestamp);
  return draftOf(index, found, kindOf(type, session, device), type === PURCHASE ? orderOf(event) : undefined);
}

/** Gives the model of events that passed validation. What the gateway found out itself replaces what the client says of it. */
export function layersViewer(
  context: Context,
  content: ContentOf,
): (event: Json, index: number, stored?: number) => Event {
  const enrichment = enriched(context);
  return (event, index, stored) => {
    const name = String(event.event_type);
    const { id, derived } = eventId(event.event_id, content, stored, index);
    const when = whenOf(event.timestamp, context.receivedAt, enrichment.received_at);
    const { found, rest: others } = fields(event);
    const rest = withUnusedTime(others, event.timestamp, when);
    found.event_id = id;
    return {
      event_id: id,
      id_source: derived > 0 ? 'derived' : 'client',
      event_type: name,
      name,
      dialect: 'layers',
      ...when,
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
  event_id: ownId,
  session_id: realId,
  device_id: realId,
  customer_id: realShopId,
  attribution_token: text,
  product_id: digits,
  variant_id: digits,
  position,
  collection_handle: label,
  query: visitorLabel,
  search_id: text,
  block_id: text,
  marketing_source: visitorText,
  marketing_medium: visitorText,
  marketing_campaign: visitorText,
  shopping_channel: oneOf(['web', 'app']),
  contextual_data: nonEmpty,
} satisfies Partial<Record<keyof Event, (value: unknown) => unknown>>;

/** Read elsewhere, or known better by the gateway. */
const replaced = new Set('event_type timestamp geo_country geo_state geo_city device_type browser os'.split(' '));

const fields = fieldsBy(readers, replaced);

/** The shopper's place as stated by a server. The place of that server says nothing about the shopper. */
const place = (event: Json) =>
  withoutUndefined({
    geo_country: text(event.geo_country),
    geo_state: text(event.geo_state),
    geo_city: text(event.geo_city),
  });
