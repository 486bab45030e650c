import type { Event } from '../../schemas/event.ts';
import { consent, consentKeys } from './consent.ts';
import type { Context, Draft } from './dialect.ts';
import { enriched } from './enriched.ts';
import { blockPayload } from './glood-block.ts';
import { meaning } from './glood-names.ts';
import { anyId } from './ids.ts';
import { kindOf, orderOf, PURCHASE } from './kind.ts';
import { standardPayload } from './shopify.ts';
import { iso, milliseconds } from './timestamp.ts';
import { filled, type Json, object, present, rest, text } from './values.ts';

/**
 * The model of a body that passed validation. Unlike Layers, Glood's contract lets the client describe its device: an app knows it better
 * than a User-Agent does, so what it says wins.
 */
export function gloodEvent(body: Json, context: Context): Event {
  const event = object(body.event) ?? {};
  const name = String(event.name);
  return {
    event_id: String(event.id),
    id_source: 'client',
    event_type: meaning(name).type,
    name,
    dialect: 'glood',
    timestamp: iso(milliseconds(event.timestamp) ?? context.receivedAt),
    ...visitor(body),
    ...payload(event, name),
    ...page(body),
    shopping_channel: body.channel === 'mobile' ? 'app' : context.channel,
    ...enriched(context),
    ...device(object(body.device)),
    ...leftover(body, event),
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

const visitor = (body: Json) =>
  present({
    session_id: text(body.session_id),
    device_id: text(body.client_id),
    user_id: text(body.user_id),
    customer_id: anyId(body.customer_id),
    channel: text(body.channel),
    consent: consent(object(body.customer_privacy)),
    cart: filled(body.cart),
    customer: filled(body.customer),
  });

function payload(event: Json, name: string) {
  const data = filled(event.data);
  const custom = filled(event.customData);
  const { block, chosen = false } = meaning(name);
  const tracked = custom ?? data ?? {};
  return {
    ...(block ? blockPayload(object(tracked.track) ?? tracked, block, chosen) : data && standardPayload(data)),
    ...present({ data, custom_data: custom }),
  };
}

const page = (body: Json) =>
  present({ page_type: text(body.page_type), page_url: text(body.page_url), ...campaign(text(body.page_url) ?? '') });

function campaign(url: string) {
  // Not URL: it throws for relative addresses, and this is all that is wanted of it.
  const query = new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? '');
  return {
    marketing_source: text(query.get('utm_source')),
    marketing_medium: text(query.get('utm_medium')),
    marketing_campaign: text(query.get('utm_campaign')),
  };
}

const device = (said: Json | undefined) =>
  present({
    device_type: text(said?.type),
    os: text(said?.os),
    os_version: text(said?.os_version),
    app_version: text(said?.app_version),
  });

const known = {
  body: new Set(
    'event session_id channel user_id client_id customer_id shop_domain device page_type page_url cart customer customer_privacy'.split(
      ' ',
    ),
  ),
  event: new Set(['id', 'name', 'type', 'timestamp', 'data', 'customData']),
  device: new Set(['type', 'os', 'os_version', 'app_version']),
};

/** Keys that the contract does not know, each where it was sent. */
function leftover(body: Json, event: Json): { extra?: Record<string, unknown> } {
  const extra = present({
    event: rest(event, known.event),
    device: rest(body.device, known.device),
    customer_privacy: rest(body.customer_privacy, consentKeys),
  });
  const all = { ...rest(body, known.body), ...extra };
  return Object.keys(all).length > 0 ? { extra: all } : {};
}
