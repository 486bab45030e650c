import { gloodNames } from '../../adapters/dialects/glood/shapes.ts';
import { glood, init, layers, tapcart } from './requests.ts';
import { having, lines, type Row } from './row.ts';

const track = {
  section: 's1',
  sectionServeId: 'serve-1',
  recommendationType: 'similar_products',
  parent: { productId: '7', variantId: null },
};

/** Glood's own names and what they become. */
const own: readonly (readonly [name: string, type: string])[] = [
  ['glood:section:render', 'block_render'],
  ['glood:bundle:view', 'block_view'],
  ['glood:checkout:offer_accept', 'offer_accept'],
  ['glood:checkout:offer_reject', 'offer_reject'],
  ['glood:init', 'session_start'],
];

/** Tapcart's names and what they become. */
const tapcarts: readonly (readonly [name: string, type: string])[] = [
  ['applicationInstalled', 'app_install'],
  ['applicationOpened', 'app_open'],
  ['cartAdd', 'add_to_cart'],
  ['cartRemove', 'remove_from_cart'],
  ['checkoutCreated', 'checkout_start'],
  ['purchaseCompleted', 'purchase'],
  ['pushOpened', 'push_open'],
  ['wishlistItemAdded', 'wishlist_add'],
];

const layersTypes: readonly (readonly [type: string, fields: object])[] = [
  ['product_view', {}],
  ['product_click', { position: 1 }],
  ['product_impression', { position: 1 }],
  ['product_hover', { position: 1 }],
  ['product_touch', { position: 1 }],
  ['add_to_cart', { variant_id: 41218393342138 }],
  ['collection_view', { product_id: undefined, collection_handle: 'summer' }],
  ['search', { product_id: undefined, query: '' }],
  ['autocomplete', { product_id: undefined, query: 'g' }],
  ['block_view', { product_id: undefined, attribution_token: '2y10smI2dB7XZXXFJsLUELltgueq8NRd' }],
];

export const payloads: readonly Row[] = [
  ...layersTypes.map(
    ([event_type, fields]): Row => ({
      name: `Layers’ ${event_type}, as little as it needs`,
      source: 'Layers event types page',
      sends: layers({ event_type, ...fields }),
      event: { event_type, name: event_type, dialect: 'layers' },
    }),
  ),
  ...gloodNames.slice(0, 13).map(
    (name): Row => ({
      name: `Glood’s ${name} without data`,
      source: 'Glood: data is optional',
      sends: glood({ name }),
      event: { name, dialect: 'glood' },
    }),
  ),
  ...own.map(
    ([name, event_type]): Row => ({
      name: `Glood’s ${name}`,
      source: 'Glood’s list of 28 names',
      sends: glood({ name, type: 'custom', customData: { track } }),
      event: { name, event_type },
    }),
  ),
  ...tapcarts.map(
    ([name, event_type]): Row => ({
      name: `Tapcart’s ${name}`,
      source: 'Tapcart’s catalogue',
      sends: tapcart({ event: name, data: {} }),
      event: { name, event_type, dialect: 'tapcart', shopping_channel: 'app' },
    }),
  ),
  {
    name: 'a section with its products in track',
    source: 'Glood’s OpenAPI examples',
    sends: glood({
      name: 'glood:section:view',
      customData: {
        track: { ...track, products: [{ productId: '1', variantId: '2', quantity: 1 }, { productId: '3' }] },
      },
    }),
    event: {
      block_id: 's1',
      block_type: 'section',
      serve_id: 'serve-1',
      recommendation_type: 'similar_products',
      parent: { product_id: '7' },
      products: lines({ product_id: '1', variant_id: '2', quantity: 1 }, { product_id: '3' }),
    },
  },
  {
    name: 'the same without track',
    source: 'Glood’s web pixel guide: Shopify.analytics.publish',
    sends: glood({
      name: 'glood:section:click',
      customData: { ...track, page: 'p1', requestId: '1780315200-x', products: [{ productId: '1', variantId: '2' }] },
    }),
    event: {
      event_type: 'product_click',
      block_id: 's1',
      page_id: 'p1',
      request_id: '1780315200-x',
      product_id: '1',
      variant_id: '2',
    },
  },
  {
    name: 'a payload that nobody has described',
    source: 'Glood’s bundle payloads are undocumented',
    sends: glood({
      name: 'glood:bundle:render',
      customData: { bundleDefinition: { tiers: [{ min: 2, off: '10%' }] } },
    }),
    event: { event_type: 'block_render', custom_data: { bundleDefinition: { tiers: [{ min: 2, off: '10%' }] } } },
  },
  {
    name: 'preferences of a customer',
    source: 'Glood’s web pixel guide',
    sends: glood({
      name: 'glood:customer_preference',
      customData: { preferences: [{ key: 'tags', value: 'tag1,tag2' }] },
    }),
    event: { event_type: 'customer_preference', custom_data: { preferences: [{ key: 'tags', value: 'tag1,tag2' }] } },
  },
  {
    name: 'the whole envelope of a web pixel in the event',
    source: 'Glood’s Hydrogen SDK: clientId and context inside of event',
    sends: glood({
      name: 'product_viewed',
      type: 'standard',
      clientId: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
      seq: 4,
      context: {
        document: { title: 'Linen Shirt', referrer: '' },
        navigator: { cookieEnabled: true, languages: ['en-US', 'en'] },
      },
      data: {
        productVariant: {
          id: '811',
          price: { amount: 44, currencyCode: 'USD' },
          product: { id: '81', title: 'Linen Shirt', untranslatedTitle: null },
        },
      },
    }),
    event: {
      product_id: '81',
      variant_id: '811',
      extra: having({ event: { clientId: '7c9e6679-7425-40de-944b-e07fc1f90ae7', seq: 4 } }),
    },
  },
  {
    name: 'utm parameters in the address of the page',
    source: 'Glood has no field for them',
    sends: glood(
      {},
      {
        page_url:
          'https://shop.example.com/?utm_source=google&utm_medium=cpc&utm_campaign=Sommer%20%26%20S%C3%B6hne&utm_source=b',
      },
    ),
    event: { marketing_source: 'google', marketing_medium: 'cpc', marketing_campaign: 'Sommer & Söhne' },
  },
  {
    name: 'a page address with broken percent signs',
    source: 'mails cut at 100 %',
    sends: glood({}, { page_url: 'https://shop.example.com/?utm_source=100%&utm_campaign=%E0%A4%A' }),
    event: { page_url: 'https://shop.example.com/?utm_source=100%&utm_campaign=%E0%A4%A', marketing_source: '100%' },
  },
  {
    name: 'a page address that is none',
    source: 'apps with screens',
    sends: glood({}, { page_url: 'screen://Product/7?utm_source=push' }),
    event: { page_url: 'screen://Product/7?utm_source=push', marketing_source: 'push' },
  },
  {
    name: 'a Layers event by its older page',
    source: 'seed of api-reference/beacon: device_id, no event_id',
    sends: layers({
      event_id: undefined,
      event_type: 'block_view',
      product_id: undefined,
      device_id: 'd1',
      attribution_token: 'a1',
    }),
    event: { id_source: 'derived', device_id: 'd1', attribution_token: 'a1' },
  },
  {
    name: 'an event of the shop’s own',
    source: 'customEvents',
    shop: { customEvents: ['wishlist_added', 'search_viewed'] },
    sends: [
      layers({ event_type: 'wishlist_added', list: 'l1' }),
      glood({ id: 'event-2', name: 'search_viewed', type: 'custom', data: { searchTerm: 'ring' } }),
    ],
    answer: [{ status: 201, body: 'null' }, { status: 200 }],
    events: [
      { event_type: 'wishlist_added', extra: { list: 'l1' } },
      { event_type: 'search_viewed', query: 'ring' },
    ],
  },
  {
    name: 'Tapcart’s event with device, session and time',
    source: 'Tapcart’s catalogue and its older webhook',
    sends: tapcart({
      event: 'cartAdd',
      data: { product: { id: '7' }, variantId: '41', quantity: 2, price: '19.99' },
      properties: {
        customerId: '99',
        timestamp: 1780315200000,
        device: { id: 'd1', operatingSystem: 'iOS', osVersion: '18.5', version: '4.2.0' },
      },
    }),
    event: {
      timestamp: '2026-06-01T12:00:00.000Z',
      variant_id: '41',
      quantity: 2,
      customer_id: '99',
      device_id: 'd1',
      os: 'iOS',
      app_version: '4.2.0',
      data: having({ price: '19.99' }),
    },
  },
  {
    name: 'Tapcart’s keys that nobody knows',
    source: 'Mixpanel metadata',
    sends: tapcart({ appId: 'AbCdEf1234', mp_metadata: { mp_event_id: 'event-1', mp_event_size: 412 } }),
    event: { extra: { appId: 'AbCdEf1234', mp_metadata: { mp_event_size: 412 } } },
  },
  {
    name: 'an init that knows its visitor',
    source: 'Glood: init',
    sends: init({
      user_id: 'u1',
      client_id: 'c1',
      customer_id: '99',
      page_type: 'product',
      page_url: 'https://shop.example.com/products/ring',
    }),
    answer: { status: 200, body: /"user_id":"u1","client_id":"c1","customer_id":"99"/ },
  },
  {
    name: 'an init of a customer as a gid, of a page type of its own, with unknown keys',
    source: 'Hydrogen; templates that Glood does not list',
    sends: init({ customer_id: 'gid://shopify/Customer/99', page_type: 'blog', locale: 'de' }),
    answer: { status: 200, body: /"customer_id":"99"/ },
  },
  {
    name: 'an init after its events',
    source: 'Glood: visitor.browsed_products',
    sends: [
      glood({ name: 'product_viewed', data: { productVariant: { product: { id: '81' } } } }, { client_id: 'c1' }),
      init({ client_id: 'c1' }),
    ],
    answer: [
      { status: 200, body: '{"ok":true}' },
      { status: 200, body: /"browsed_products":\[81\]/ },
    ],
    event: { product_id: '81' },
  },
  {
    name: 'an init that is no JSON',
    source: 'templates',
    sends: init('{{body}}'),
    answer: { status: 400, body: /"error":400/ },
  },
  {
    name: 'an init without x-shop',
    source: 'Glood requires it here',
    sends: init({}, { headers: { 'x-shop': '' } }),
    answer: { status: 400, body: /x-shop/ },
  },
];
