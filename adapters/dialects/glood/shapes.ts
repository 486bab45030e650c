import Type, { type TSchema } from 'typebox';
import {
  Anything,
  Customer,
  EventId,
  oneOf,
  optional,
  required,
  SessionId,
  Text,
  Time,
} from '../../../schemas/wire.ts';

/** The contract's 28 event names: thirteen of Shopify's standard events, fifteen of Glood's own. */
export const gloodNames = [
  'page_viewed',
  'product_viewed',
  'product_added_to_cart',
  'product_removed_from_cart',
  'cart_viewed',
  'checkout_started',
  'checkout_completed',
  'checkout_shipping_info_submitted',
  'checkout_contact_info_submitted',
  'checkout_address_info_submitted',
  'payment_info_submitted',
  'collection_viewed',
  'search_submitted',
  'glood:section:view',
  'glood:section:click',
  'glood:section:add_to_cart',
  'glood:section:render',
  'glood:bundle:view',
  'glood:bundle:click',
  'glood:bundle:add_to_cart',
  'glood:bundle:render',
  'glood:checkout:render',
  'glood:checkout:add_to_cart',
  'glood:checkout:offer_accept',
  'glood:checkout:offer_reject',
  'glood:checkout:click',
  'glood:init',
  'glood:customer_preference',
] as const;
export type GloodName = (typeof gloodNames)[number];

export const pageTypes = [
  'home',
  'product',
  'collection',
  'cart',
  'checkout',
  'order_status',
  'search',
  'other',
] as const;
export const channels = ['web', 'mobile', 'headless', 'hydrogen'] as const;

const event = <N extends TSchema>(name: N) =>
  Type.Object(
    {
      id: required(
        EventId,
        'Unique per occurrence of the event. One that cannot serve as an id (empty, such as `undefined`, over 200 characters) is replaced by one that is derived from the content.',
      ),
      name,
      type: optional(oneOf(['standard', 'custom']), "Shopify's standard event, or Glood's own."),
      timestamp: optional(Time, 'ISO 8601. Left out, not understood or not plausible, it is the time of receipt.'),
      data: optional(Anything, 'Payload of a standard event.'),
      customData: optional(Anything, "Payload of Glood's own events, bare or wrapped in `track`."),
    },
    { description: 'What happened.', 'x-expected': 'an object with id and name' },
  );

const device = Type.Object(
  {
    type: optional(Text, 'For example phone, tablet, desktop.'),
    os: optional(Text, 'Name of the operating system.'),
    os_version: optional(Text, 'Version of the operating system.'),
    app_version: optional(Text, 'Version of the app.'),
  },
  { 'x-expected': 'an object' },
);

const body = <N extends TSchema>(name: N) =>
  Type.Object(
    {
      event: event(name),
      session_id: required(SessionId, 'The visit: `visit_id` of the init answer. Empty, the event has no session.'),
      channel: optional(oneOf(channels), 'Where the event comes from. Left out, it counts as web.'),
      user_id: optional(Text, 'Anonymous visitor.'),
      client_id: optional(Text, 'Client or device.'),
      customer_id: optional(Customer, 'Shopify customer, for visitors who are logged in.'),
      shop_domain: optional(Text, "The shop's domain or URL. Required where the x-shop header is not set."),
      device: optional(device, "The client's device."),
      page_type: optional(oneOf(pageTypes), 'Type of the page.'),
      page_url: optional(Text, 'Full URL of the page.'),
      cart: optional(Anything, 'The cart when the event happened.'),
      customer: optional(Anything, 'The customer when the event happened.'),
      customer_privacy: optional(Anything, "The shopper's consent: Shopify's four booleans."),
    },
    { description: 'One storefront event. An optional field that does not fit is kept in `extra`.' },
  );

/** The body of POST /api/storefront/v3/headless/events. Not strict: keys that are not named here are accepted and kept. */
export const GloodBody = body(required(oneOf(gloodNames), 'Name of the event.'));

/** The same for a name that the shop lists in customEvents. */
export const GloodCustomBody = body(required(Text, 'A name that the shop lists in customEvents.'));

/** The body of POST /api/storefront/v3/headless/init: who the client is, as far as it knows. */
export const GloodInit = Type.Object(
  {
    user_id: optional(Text, 'Anonymous visitor, from an earlier answer.'),
    client_id: optional(Text, 'Client or device, from an earlier answer.'),
    customer_id: optional(Customer, 'Shopify customer, for visitors who are logged in.'),
    page_type: optional(oneOf(pageTypes), 'Type of the page.'),
    page_url: optional(Text, 'Full URL of the page.'),
  },
  {
    description:
      'Who the client is, as far as it knows. Everything may be left out, the body itself too; what does not fit says nothing.',
  },
);

const products = (description: string) => Type.Array(Type.Integer(), { description });

/** What a client makes its first call for. */
export const GloodInitAnswer = Type.Object(
  {
    visit_id: Type.String({ description: 'The `session_id` of the events of this visit.' }),
    user_id: Type.String({ description: 'As sent, or new: to be kept by the client.' }),
    client_id: Type.String({ description: 'As sent, or new: to be kept by the client.' }),
    customer_id: Type.String({ description: 'As sent, or empty.' }),
    visitor: Type.Object(
      {
        browsed_products: products('Seen, the last one first.'),
        cart_products: products('Put into the cart and not taken out again or bought.'),
        purchased_products: products('Bought.'),
      },
      { description: 'Products by their ids, from the recent events of this visitor.' },
    ),
    config: Type.Record(Type.String(), Type.Unknown(), { description: '`glood.config` of the shop.' }),
    token: Type.String({ description: 'The token of the request, for the next ones.' }),
  },
  { description: 'An own answer. Passed on from `glood.upstream`, it is what that one says.' },
);
