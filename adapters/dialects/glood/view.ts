import type { Event } from '../../../schemas/event.ts';
import { consentIn, unread } from '../consent.ts';
import type { Context, Draft } from '../dialect.ts';
import { draftOf } from '../draft.ts';
import { enriched } from '../enriched.ts';
import { type ContentOf, eventId, ownId } from '../event-id.ts';
import { fieldsBy } from '../fields.ts';
import { realId, realShopId } from '../ids.ts';
import { kindOf, orderOf, PURCHASE } from '../kind.ts';
import type { ReplacedNotes } from '../replaced.ts';
import { standardPayload } from '../shopify.ts';
import { whenOf, withUnusedTime } from '../timestamp.ts';
import { type Json, nonEmpty, object, oneOf, text, visitorText, withoutUndefined } from '../values.ts';
import { blockPayload } from './block.ts';
import { meaning } from './names.ts';
import { channels, pageTypes } from './shapes.ts';

/** The contract's fields, and how each is read. */
const fields = {
  body: fieldsBy(
    {
      event: object,
      session_id: realId,
      channel: oneOf(channels),
      user_id: realId,
      client_id: realId,
      customer_id: realShopId,
      shop_domain: text,
      device: object,
      page_type: oneOf(pageTypes),
      page_url: visitorText,
      cart: nonEmpty,
      customer: nonEmpty,
    },
    new Set(['customer_privacy', 'customerPrivacy']),
  ),
  event: fieldsBy(
    {
      id: ownId,
      name: text,
      type: oneOf(['standard', 'custom']),
      data: nonEmpty,
      customData: nonEmpty,
    },
    new Set(['timestamp']),
  ),
  device: fieldsBy({ type: text, os: text, os_version: text, app_version: text }),
};

/**
 * The model of a body that passed validation. Unlike Layers, Glood's contract lets the client describe its device: an app knows it better
 * than a User-Agent does, so what it says wins.
 */
export function gloodEvent(sent: Json, context: Context, content: ContentOf, stored?: number): Event {
  const body = fields.body(sent);
  const event = fields.event(body.found.event ?? {});
  const device = fields.device(body.found.device ?? {});
  const { client_id, session_id, user_id, customer_id, channel, page_type, page_url, cart, customer } = body.found;
  const { name = '', data, customData } = event.found;
  const { id, timestamp } = body.found.event ?? {};
  const own = eventId(id, content, stored);
  const { type, ...system } = device.found;
  const found = enriched(context);
  const when = whenOf(timestamp, context.receivedAt, found.received_at);
  // Shopify's own name for it is in camel case, and pages that copy an event of Shopify's put it there.
  const stated = consentIn(
    sent.customer_privacy,
    sent.customerPrivacy,
    event.rest?.customer_privacy,
    event.rest?.customerPrivacy,
  );
  const nested = withoutUndefined({
    event: withUnusedTime(event.rest, timestamp, when),
    device: device.rest,
    customer_privacy: unread(sent.customer_privacy, stated),
    customerPrivacy: unread(sent.customerPrivacy, stated),
  });
  return {
    event_id: own.id,
    id_source: own.derived > 0 ? 'derived' : 'client',
    event_type: meaning(name).type,
    name,
    dialect: 'glood',
    ...when,
    ...withoutUndefined({
      session_id,
      device_id: client_id,
      user_id,
      customer_id,
      channel,
      ...stated,
      cart,
      customer,
    }),
    ...payload(name, data, customData),
    ...withoutUndefined({ page_type, page_url, ...campaign(page_url ?? '') }),
    shopping_channel: channel === 'mobile' ? 'app' : context.channel,
    ...found,
    ...withoutUndefined({ device_type: type, ...system }),
    ...withoutUndefined({ extra: nonEmpty({ ...body.rest, ...nested }) }),
  };
}

/** What the log needs of a body that passed validation. What is replaced of it is noted. */
export function gloodDraft(body: Json, content: ContentOf, notes: ReplacedNotes): Draft {
  const event = object(body.event) ?? {};
  const { type } = meaning(String(event.name));
  const found = eventId(event.id, content);
  const session = realId(body.session_id);
  const device = realId(body.client_id);
  notes.eventId(event.id, found);
  notes.id('session_id', body.session_id, session !== undefined);
  notes.id('device_id', body.client_id, device !== undefined);
  notes.id('user_id', body.user_id);
  notes.id('customer_id', body.customer_id);
  notes.time(event.timestamp);
  const order = type === PURCHASE ? orderOf(nonEmpty(event.customData) ?? nonEmpty(event.data) ?? {}) : undefined;
  return draftOf(0, found, kindOf(type, session, device), order);
}

function payload(name: string, data: Json | undefined, custom: Json | undefined) {
  const { block, chosen = false } = meaning(name);
  const tracked = custom ?? data ?? {};
  return {
    ...(block ? blockPayload(object(tracked.track) ?? tracked, block, chosen) : data && standardPayload(data)),
    ...withoutUndefined({ data, custom_data: custom }),
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
