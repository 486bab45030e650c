import Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { Event } from '../../../schemas/event.ts';
import { Anything, EventId, needed, oneOf, optional, required, Text } from '../../../schemas/wire.ts';
import { type Manner, parseBody } from '../body.ts';
import { type Context, type Dialect, type Draft, type Reading, RequestRefused, type Rules } from '../dialect.ts';
import { draftOf } from '../draft.ts';
import { type ContentOf, contentBy, eventId, ownId } from '../event-id.ts';
import { fieldsBy } from '../fields.ts';
import { bearer, queryToken } from '../headers.ts';
import { digits, realId, realShopId } from '../ids.ts';
import { kindOf, orderOf, PURCHASE } from '../kind.ts';
import { excess } from '../limits.ts';
import { priorityBy } from '../priority.ts';
import { ReplacedNotes } from '../replaced.ts';
import { lines, standardPayload } from '../shopify.ts';
import { iso, type When, whenOf } from '../timestamp.ts';
import { type Json, list, nonEmpty, number, object, text, withoutUndefined } from '../values.ts';
import { excerpt, type Fault, faults, shown, unnamed } from '../words.ts';
import { tapcartSample } from './sample.ts';

/** The model's type of each event in Tapcart's catalogue. */
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
    mp_event_id: required(
      EventId,
      'Unique per event. One that cannot serve as an id is replaced by one that is derived from the content.',
    ),
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
 * Tapcart's clickstream webhook: one event per request, from Tapcart's servers. Tapcart signs nothing and lets an operator set only the URL. So
 * the token is ours: in the query of that URL, or as a bearer token that a proxy adds. A refused event gets 422, because Tapcart's older webhook
 * is known to repeat 400 and 5xx.
 */
export const tapcart: Dialect = {
  name: 'tapcart',
  path: '/webhooks/tapcart',
  contentTypes: ['application/json', ''],
  names: types,
  sample: tapcartSample,
  priorityOf: priorityBy('event'),
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
  view: (text, indexes, context, derivations) => {
    const body = bodyOf(text);
    const content = contentBy(text, body, bodyOf);
    return indexes.map((_, i) => eventOf(body, context, content, derivations?.[i]));
  },
  sent: (text, indexes, derivation) => {
    const body = contentBy(text, bodyOf(text), bodyOf)(derivation);
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
    const reasons = faults(fitting.Type(), body).map((fault) =>
      must('be', fault.path === 'event' ? unnamed(fault.path, name, Object.keys(types)) : fault),
    );
    throw refused(text, strange && !custom ? 'unknown_type' : 'invalid', reasons, body);
  }
  const notes = new ReplacedNotes(rules.receivedAt);
  const draft = tapcartDraft(body, contentBy(text, body, bodyOf), notes);
  return { events: [draft], refused: [], ...(notes.found && { replaced: notes.found }) };
}

function bodyOf(text: string, manner?: Manner): Json {
  const parsed = parseBody(text, manner);
  const wanted = 'the body must be a JSON object with event, data, properties and mp_metadata';
  if (parsed.kind === 'refused') throw refused(text, parsed.code, [`${wanted}, got ${parsed.got}`]);
  const body = object(parsed.value);
  if (!body) throw refused(text, 'not_an_object', [`${wanted}, got ${shown(parsed.value)}`]);
  return body;
}

const must = (verb: 'be' | 'have', { path, expected, got }: Fault): string =>
  `${path || 'the body'} must ${verb} ${expected}, got ${got}`;

function refused(raw: string, code: string, reasons: readonly string[], body?: Json): RequestRefused {
  const about = { id: excerpt(object(body?.mp_metadata)?.mp_event_id), name: excerpt(body?.event) };
  return new RequestRefused(422, reasons.join('; '), { ...about, code, reasons, raw });
}

/** The draft leaves the device out: it may be in a header or in several places of the body, and the session is enough. */
function tapcartDraft(body: Json, content: ContentOf, notes: ReplacedNotes): Draft {
  const type = typeOf(String(body.event));
  const { mp_event_id, mp_session_id } = object(body.mp_metadata) ?? {};
  const found = eventId(mp_event_id, content);
  const session = realId(mp_session_id);
  notes.eventId(mp_event_id, found);
  notes.id('session_id', mp_session_id, session !== undefined);
  notes.times(timesIn(body));
  const order = type === PURCHASE ? orderOf(object(body.data) ?? {}) : undefined;
  return draftOf(0, found, kindOf(type, session, undefined), order);
}

const typeOf = (name: string): string => (Object.hasOwn(types, name) ? (types[name] ?? name) : name);

/**
 * The contents of `data` and `properties` are not documented beyond their purpose. This reads the spellings of Tapcart's older webhook, of its
 * app SDK and of Shopify; both objects are kept whole. Enrichment is left out, since it describes Tapcart's servers.
 */
function eventOf(sent: Json, context: Context, content: ContentOf, stored?: number): Event {
  const body = fields.body(sent);
  const metadata = fields.metadata(body.found.mp_metadata ?? {});
  const { event: name = '', data = {}, properties = {} } = body.found;
  const { mp_session_id: session_id } = metadata.found;
  const { id, derived } = eventId(body.found.mp_metadata?.mp_event_id, content, stored);
  const received = iso(context.receivedAt);
  return {
    event_id: id,
    id_source: derived > 0 ? 'derived' : 'client',
    event_type: typeOf(name),
    name,
    dialect: 'tapcart',
    ...whenIn(timesIn(sent), context.receivedAt, received),
    ...withoutUndefined({ session_id }),
    ...shopper(properties, data, context),
    ...payload(data),
    shop: context.shop,
    received_at: received,
    trust: context.trust,
    shopping_channel: 'app',
    ...withoutUndefined({
      data: nonEmpty(data),
      contextual_data: nonEmpty(properties),
      extra: nonEmpty({ ...body.rest, ...withoutUndefined({ mp_metadata: metadata.rest }) }),
    }),
  };
}

const fields = {
  body: fieldsBy({ event: text, data: object, properties: object, mp_metadata: object }),
  metadata: fieldsBy({ mp_event_id: ownId, mp_session_id: realId }),
};

function shopper(properties: Json, data: Json, context: Context) {
  const device = object(properties.device) ?? object(properties.device_properties) ?? {};
  const said = (read: typeof text, ...keys: readonly string[]) =>
    first(
      [properties, device, data].flatMap((from) => keys.map((key) => from[key])),
      read,
    );
  return withoutUndefined({
    device_id: said(realId, 'deviceId', 'device_id') ?? realId(device.id) ?? realId(context.headers?.deviceid),
    customer_id: said(realShopId, 'customerId', 'customer_id', 'purchase_shopify_user_id'),
    app_version: said(text, 'appVersion', 'app_version') ?? text(device.version),
    os: said(text, 'operatingSystem', 'os'),
    os_version: said(text, 'osVersion', 'os_version'),
  });
}

function payload(data: Json) {
  const { products, ...found } = standardPayload(data);
  const own = withoutUndefined({
    product_id: digits(object(data.product)?.id),
    quantity: number(data.quantity_updated),
  });
  if (products || found.product_id || found.variant_id) return { ...own, ...found, ...withoutUndefined({ products }) };
  const listed = [lines(data.lineItems, true), lines(data.items, true), lines(named(data.product_ids), true)];
  const several = listed.find(({ length }) => length > 0) ?? [];
  return { ...own, ...found, ...(several.length > 1 ? { products: several } : several[0]) };
}

const named = (ids: unknown) => list(ids).map((id) => ({ id }));

/** The first of these values that can be read. */
const first = <T>(values: readonly unknown[], read: (value: unknown) => T | undefined): T | undefined =>
  values.map(read).find((found) => found !== undefined);

/** The places where the time may be. It is kept where it was sent. */
const timesIn = (body: Json): readonly unknown[] =>
  [body.mp_metadata, body.properties, body.data, body].map((place) => object(place)?.timestamp);

/** The first of some times that can be the event's. */
function whenIn(times: readonly unknown[], receivedAt: number, received: string): When {
  const found = times.map((time) => whenOf(time, receivedAt, received));
  return (
    found.find(({ timestamp_source }) => timestamp_source === 'client') ?? {
      timestamp: received,
      timestamp_source: 'received',
    }
  );
}
