import Type, { type TProperties } from 'typebox';
import {
  AnyText,
  Anything,
  Customer,
  EventId,
  Label,
  oneOf,
  optional,
  Position,
  required,
  SessionId,
  ShopifyId,
  Text,
  Time,
} from '../../../schemas/wire.ts';

/** Fields of every event. Not strict: keys that are not named here are accepted and kept. */
const common = {
  event_id: optional(
    EventId,
    'ULID or UUID, fresh per event. Left out, or no id (such as `undefined`, or over 200 characters), it is derived from the content of the event.',
  ),
  timestamp: required(
    Time,
    'ISO 8601, RFC 2822, any text that JavaScript can parse as a date with its year in four digits, or milliseconds since 1970. Not understood or not plausible, it is the time of receipt.',
  ),
  session_id: required(SessionId, 'Anonymous, stable within a visit. Empty, the event has no session.'),
  device_id: optional(Text, 'Anonymous, stable on a device.'),
  customer_id: optional(Customer, 'The logged-in customer.'),
  attribution_token: optional(Text, 'From the search, browse or block answer that led to the event.'),
  shopping_channel: optional(oneOf(['web', 'app']), 'Left out, it is inferred from the request.'),
  marketing_source: optional(Text, 'utm_source.'),
  marketing_medium: optional(Text, 'utm_medium.'),
  marketing_campaign: optional(Text, 'utm_campaign.'),
  contextual_data: optional(Anything, 'Free-form context.'),
};

const product = 'Shopify id of the product.';
const place = 'Place in the list, 1 is the first.';
const handle = 'Handle of the collection.';
const query = 'What the shopper searched for.';

const scoped = {
  product_id: optional(ShopifyId, product),
  variant_id: optional(ShopifyId, 'Shopify id of the variant.'),
  collection_handle: optional(Text, handle),
  query: optional(AnyText, query),
  search_id: optional(Text, 'Id of the search answer.'),
  block_id: optional(Text, 'Id of the block.'),
  position: optional(Position, place),
};

const forProduct = { product_id: required(ShopifyId, product) };
const inList = { ...forProduct, position: required(Position, place) };
const forCollection = { collection_handle: required(Label, handle) };
const forQuery = { query: required(AnyText, query) };

const event = <T extends string, P extends TProperties>(type: T, description: string, required: P) =>
  Type.Object({ event_type: Type.Literal(type), ...common, ...scoped, ...required }, { description });

/** The contract's ten event types, each with what it requires beyond the common fields. */
export const layersEvents = {
  product_view: event('product_view', 'A product page was seen.', forProduct),
  product_click: event('product_click', 'A product of a list was chosen.', inList),
  product_impression: event('product_impression', 'A product of a list came into view.', inList),
  product_hover: event('product_hover', 'The pointer rested on a product of a list.', inList),
  product_touch: event('product_touch', 'A product of a list was touched.', inList),
  add_to_cart: event('add_to_cart', 'A product was put into the cart.', forProduct),
  collection_view: event('collection_view', 'A collection page was seen.', forCollection),
  search: event('search', 'A search was made.', forQuery),
  autocomplete: event('autocomplete', 'Suggestions were asked for while typing.', forQuery),
  block_view: event('block_view', 'A recommendation block was seen.', {}),
};

/** What is asked of an event that the shop named itself: the common fields only. */
export const LayersCustomEvent = Type.Object(
  { event_type: required(Text, 'A name that the shop lists in customEvents.'), ...common },
  { description: "One of the shop's own events." },
);

export const maxEvents = 100;

/** The body of POST /beacon, as documentation: each event is judged by itself, an invalid one does not fail the others. */
export const LayersBody = Type.Object(
  {
    events: Type.Array(Type.Union(Object.values(layersEvents)), {
      minItems: 1,
      maxItems: maxEvents,
      description: 'Each object is one storefront event.',
    }),
  },
  { description: 'A batch of storefront events. An optional field that does not fit is kept in `extra`.' },
);
