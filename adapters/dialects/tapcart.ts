import Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { Event } from '../../schemas/event.ts';
import { Anything, EventId, needed, oneOf, optional, required, Text } from '../../schemas/wire.ts';
import { parseBody } from './body.ts';
import { type Context, type Dialect, type Draft, type Reading, RequestRefused, type Rules } from './dialect.ts';
import { fieldsBy } from './fields.ts';
import { bearer, queryToken } from './headers.ts';
import { anyId, digits, eventId } from './ids.ts';
import { kindOf, orderOf, PURCHASE } from './kind.ts';
import { excess } from './limits.ts';
import { lines, standardPayload } from './shopify.ts';
import { iso, milliseconds } from './timestamp.ts';
import { filled, type Json, list, number, object, present, text } from './values.ts';
import { excerpt, type Fault, faults, shown } from './words.ts';

/** What each event of Tapcart's catalogue means in the model. */
const types: Readonly<Record<string, string>> = {
  applicationInstalled: 'app_install',
  applicationOpened: 'app_open',
  cartAdd: 'add_to_cart',
  cartRemove: 'remove_from_cart',
  cartUpdated: 'cart_update',
  checkoutCreated: 'checkout_start',
  collectionViewed: 'collection_view',
  loggedIn: 'login',
  loggedOut: 'logout',
  pageView: 'page_view',
  search: 'search',
  productViewed: 'product_view',
  purchaseCompleted: 'purchase',
  pushOpened: 'push_open',
  wishlistItemAdded: 'wishlist_add',
};

const Metadata = Type.Object(
  {
    mp_event_id: required(EventId, 'Unique per event.'),
    mp_session_id: optional(Text, 'The session of the app.'),
  },
  { description: 'Identifiers.', 'x-expected': 'an object with mp_event_id' },
);

const bodyWith = <N extends Type.TSchema>(name: N) =>
  Type.Object(
    {
      event: name,
      data: optional(Anything, 'What happened; differs from event to event.'),
      properties: optional(Anything, 'Device, locale and session.'),
      mp_metadata: Metadata,
    },
    {
      description:
        "One event of Tapcart's clickstream. Keys that are not named here, and optional values that do not fit, are kept.",
    },
  );

const TapcartBody = bodyWith(required(oneOf(Object.keys(types)), 'Name of the event.'));
const TapcartError = Type.Object({
  ok: Type.Literal(false),
  error: Type.String({ description: 'What was expected, what came.' }),
});
const validator = Compile(needed(TapcartBody));
const customValidator = Compile(needed(bodyWith(required(Text, 'A name that the shop lists in customEvents.'))));

/**
 * Tapcart's clickstream webhook: one event per request, from Tapcart's servers. Tapcart signs nothing and lets an operator set
 * no more than the URL, so the token is ours: in the query of that URL, or as a bearer token where a proxy adds one. A refused
 * event is 422, because Tapcart's older webhook is known to repeat 400 and 5xx.
 */
export const tapcart: Dialect = {
  name: 'tapcart',
  path: '/webhooks/tapcart',
  contentTypes: ['application/json', ''],
  names: types,
  documentation: {
    operationId: 'tapcartClickstream',
    summary: "Tapcart's clickstream webhook: send one event of an app.",
    security: {
      webhookToken: { type: 'apiKey', in: 'query', name: 'token', description: 'In the URL that Tapcart is given.' },
      bearerAuth: { type: 'http', scheme: 'bearer', description: "One of the shop's tokens." },
    },
    body: TapcartBody,
    shapes: { TapcartBody, TapcartError },
    answers: {
      200: { description: 'The event is stored.', body: Type.Object({ ok: Type.Literal(true) }) },
      400: { description: 'The body could not be decompressed.', body: TapcartError },
      422: { description: 'The event is not valid; it is kept in quarantine.', body: TapcartError },
    },
    refusal: () => TapcartError,
  },
  kept: ['deviceid'],
  credentials: (request) => {
    const token = bearer(request);
    return token === undefined ? queryToken(request) : { token };
  },
  read,
  single: (event) => event,
  view: (text, indexes, context) => {
    const body = bodyOf(text);
    return indexes.map(() => eventOf(body, context));
  },
  sent: (text, indexes) => {
    const body = bodyOf(text);
    return indexes.map(() => body);
  },
  accepted: () => ({ status: 200, body: '{"ok":true}' }),
  refused: ({ status, message }) => ({ status, body: JSON.stringify({ ok: false, error: message }) }),
};

function read(text: string, rules: Rules): Reading {
  const body = bodyOf(text);
  const much = excess(body, rules.limits);
  if (much) throw refused(text, much.code, [must('have', much)], body);

  const { event: name } = body;
  const strange = typeof name === 'string' && !Object.hasOwn(types, name);
  const custom = strange && rules.customEvents.has(name);
  const fitting = custom ? customValidator : validator;
  if (!fitting.Check(body)) {
    const reasons = faults(fitting.Type(), body).map((fault) => must('be', fault));
    throw refused(text, strange && !custom ? 'unknown_type' : 'invalid', reasons, body);
  }
  return { events: [draftOf(body)], refused: [] };
}

function bodyOf(text: string): Json {
  const parsed = parseBody(text);
  const wanted = 'the body must be a JSON object with event, data, properties and mp_metadata';
  if (parsed.kind === 'refused') throw refused(text, parsed.code, [`${wanted}, got ${parsed.came}`]);
  const body = object(parsed.value);
  if (!body) throw refused(text, 'not_an_object', [`${wanted}, got ${shown(parsed.value)}`]);
  return body;
}

const must = (verb: 'be' | 'have', { path, expected, came }: Fault): string =>
  `${path || 'the body'} must ${verb} ${expected}, got ${came}`;

function refused(raw: string, code: string, reasons: readonly string[], body?: Json): RequestRefused {
  const about = { id: excerpt(object(body?.mp_metadata)?.mp_event_id), name: excerpt(body?.event) };
  return new RequestRefused(422, reasons.join('; '), { ...about, code, reasons, raw });
}

/** The device may stand in a header, or in several places of the body: the session tells enough. */
function draftOf(body: Json): Draft {
  const type = typeOf(String(body.event));
  return {
    index: 0,
    id: idOf(body),
    kind: kindOf(type, text(object(body.mp_metadata)?.mp_session_id), undefined),
    ...(type === PURCHASE && { order: orderOf(object(body.data) ?? {}) }),
  };
}

const typeOf = (name: string): string => (Object.hasOwn(types, name) ? (types[name] ?? name) : name);

const idOf = (body: Json): string => String(object(body.mp_metadata)?.mp_event_id);

/**
 * Of `data` and `properties` no more is public than what they are for. Read here are the spellings of Tapcart's older webhook and
 * of its app SDK, and Shopify's own; both are kept whole. What enrichment found is about Tapcart's servers, and left out.
 */
function eventOf(sent: Json, context: Context): Event {
  const body = fields.body(sent);
  const metadata = fields.metadata(body.found.mp_metadata ?? {});
  const { event: name = '', data = {}, properties = {} } = body.found;
  const { mp_session_id: session_id } = metadata.found;
  const times = [body.found.mp_metadata ?? {}, properties, data, sent];
  return {
    event_id: idOf(sent),
    id_source: 'client',
    event_type: typeOf(name),
    name,
    dialect: 'tapcart',
    timestamp: iso(timeIn(...times) ?? context.receivedAt),
    ...present({ session_id }),
    ...shopper(properties, data, context),
    ...payload(data),
    shop: context.shop,
    received_at: iso(context.receivedAt),
    trust: context.trust,
    shopping_channel: 'app',
    ...present({
      data: filled(data),
      contextual_data: filled(properties),
      extra: filled({ ...body.rest, ...present({ mp_metadata: metadata.rest }) }),
    }),
  };
}

const fields = {
  body: fieldsBy({ event: text, data: object, properties: object, mp_metadata: object }),
  metadata: fieldsBy({ mp_event_id: eventId, mp_session_id: text }),
};

function shopper(properties: Json, data: Json, context: Context) {
  const device = object(properties.device) ?? object(properties.device_properties) ?? {};
  const said = (read: typeof text, ...keys: readonly string[]) =>
    first(
      [properties, device, data].flatMap((from) => keys.map((key) => from[key])),
      read,
    );
  return present({
    device_id: said(text, 'deviceId', 'device_id') ?? text(device.id) ?? context.headers?.deviceid,
    customer_id: said(anyId, 'customerId', 'customer_id', 'purchase_shopify_user_id'),
    app_version: said(text, 'appVersion', 'app_version') ?? text(device.version),
    os: said(text, 'operatingSystem', 'os'),
    os_version: said(text, 'osVersion', 'os_version'),
  });
}

function payload(data: Json) {
  const { products, ...found } = standardPayload(data);
  const own = present({ product_id: digits(object(data.product)?.id), quantity: number(data.quantity_updated) });
  if (products || found.product_id || found.variant_id) return { ...own, ...found, ...present({ products }) };
  const listed = [lines(data.lineItems, true), lines(data.items, true), lines(named(data.product_ids), true)];
  const several = listed.find(({ length }) => length > 0) ?? [];
  return { ...own, ...found, ...(several.length > 1 ? { products: several } : several[0]) };
}

const named = (ids: unknown) => list(ids).map((id) => ({ id }));

/** The first of these values that reads as what is looked for. */
const first = <T>(values: readonly unknown[], read: (value: unknown) => T | undefined): T | undefined =>
  values.map(read).find((found) => found !== undefined);

/** Before this time numbers are seconds, and nobody bought anything with an app. */
const earliest = 1e11;

const timeIn = (...places: readonly Json[]): number | undefined =>
  places.map(({ timestamp }) => milliseconds(timestamp)).find((ms) => ms !== undefined && ms >= earliest);
