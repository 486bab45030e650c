import type { Event } from '../../schemas/event.ts';
import { channels, pageTypes } from '../../schemas/glood.ts';
import { consent, consentKeys } from './consent.ts';
import type { Context, Draft } from './dialect.ts';
import { enriched } from './enriched.ts';
import { fieldsBy } from './fields.ts';
import { blockPayload } from './glood-block.ts';
import { meaning } from './glood-names.ts';
import { anyId, eventId } from './ids.ts';
import { kindOf, orderOf, PURCHASE } from './kind.ts';
import { standardPayload } from './shopify.ts';
import { utc } from './timestamp.ts';
import { filled, type Json, object, oneOf, present, rest, text, visitorText } from './values.ts';

/** The contract's fields, and how each is read. */
const fields = {
  body: fieldsBy({
    event: object,
    session_id: text,
    channel: oneOf(channels),
    user_id: text,
    client_id: text,
    customer_id: anyId,
    shop_domain: text,
    device: object,
    page_type: oneOf(pageTypes),
    page_url: visitorText,
    cart: filled,
    customer: filled,
    customer_privacy: object,
  }),
  event: fieldsBy({
    id: eventId,
    name: text,
    type: oneOf(['standard', 'custom']),
    timestamp: utc,
    data: filled,
    customData: filled,
  }),
  device: fieldsBy({ type: text, os: text, os_version: text, app_version: text }),
};

/**
 * The model of a body that passed validation. Unlike Layers, Glood's contract lets the client describe its device: an app knows it better
 * than a User-Agent does, so what it says wins.
 */
export function gloodEvent(sent: Json, context: Context): Event {
  const body = fields.body(sent);
  const event = fields.event(body.found.event ?? {});
  const device = fields.device(body.found.device ?? {});
  const { client_id, session_id, user_id, customer_id, channel, page_type, page_url, cart, customer } = body.found;
  const { id, name = '', timestamp, data, customData } = event.found;
  const { type, ...system } = device.found;
  const privacy = body.found.customer_privacy;
  const nested = present({ event: event.rest, device: device.rest, customer_privacy: rest(privacy, consentKeys) });
  const found = enriched(context);
  return {
    event_id: String(id),
    id_source: 'client',
    event_type: meaning(name).type,
    name,
    dialect: 'glood',
    timestamp: timestamp ?? found.received_at,
    ...present({
      session_id,
      device_id: client_id,
      user_id,
      customer_id,
      channel,
      consent: consent(privacy),
      cart,
      customer,
    }),
    ...payload(name, data, customData),
    ...present({ page_type, page_url, ...campaign(page_url ?? '') }),
    shopping_channel: channel === 'mobile' ? 'app' : context.channel,
    ...found,
    ...present({ device_type: type, ...system }),
    ...present({ extra: filled({ ...body.rest, ...nested }) }),
  };
}

/** What the log needs of a body that passed validation. */
export function gloodDraft(body: Json): Draft {
  const event = object(body.event) ?? {};
  const { type } = meaning(String(event.name));
  return {
    index: 0,
    id: String(event.id),
    kind: kindOf(type, text(body.session_id), text(body.client_id)),
    ...(type === PURCHASE && { order: orderOf(filled(event.customData) ?? filled(event.data) ?? {}) }),
  };
}

function payload(name: string, data: Json | undefined, custom: Json | undefined) {
  const { block, chosen = false } = meaning(name);
  const tracked = custom ?? data ?? {};
  return {
    ...(block ? blockPayload(object(tracked.track) ?? tracked, block, chosen) : data && standardPayload(data)),
    ...present({ data, custom_data: custom }),
  };
}

function campaign(url: string) {
  // Not URL: it throws for relative addresses, and this is all that is wanted of it.
  const query = new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? '');
  return {
    marketing_source: text(query.get('utm_source')),
    marketing_medium: text(query.get('utm_medium')),
    marketing_campaign: text(query.get('utm_campaign')),
  };
}
