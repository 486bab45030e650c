import { batch, glood, init, layers, layersExample, layersText, tapcart } from './requests.ts';
import type { Row } from './row.ts';

const lists = 'json_encode of an empty array of PHP';
const optionals = 'optional fields of Swift, Kotlin and C#: null where there is nothing';
const columns = 'rows of a database or a form: empty texts';

const optionalOfLayers = ['event_id', 'device_id', 'customer_id', 'attribution_token', 'variant_id', 'position']
  .concat(['marketing_source', 'marketing_medium', 'marketing_campaign', 'shopping_channel', 'contextual_data'])
  .concat(['collection_handle', 'query', 'search_id', 'block_id']);
const optionalOfGlood = ['channel', 'user_id', 'client_id', 'customer_id', 'device', 'page_type', 'page_url'].concat([
  'cart',
  'customer',
  'customer_privacy',
  'shop_domain',
]);
const all = (keys: readonly string[], value: unknown) => Object.fromEntries(keys.map((key) => [key, value]));

const bare = {
  device_id: undefined,
  customer_id: undefined,
  variant_id: undefined,
  position: undefined,
  marketing_source: undefined,
  contextual_data: undefined,
  query: undefined,
  shopping_channel: 'web',
};
const nothing = { cart: undefined, customer: undefined, data: undefined, custom_data: undefined, consent: undefined };

export const empties: readonly Row[] = [
  {
    name: 'contextual_data is []',
    source: lists,
    sends: layers({ contextual_data: [] }),
    event: { contextual_data: undefined },
  },
  ...['cart', 'customer', 'customer_privacy', 'device'].map(
    (key): Row => ({ name: `${key} is []`, source: lists, sends: glood({}, { [key]: [] }), event: nothing }),
  ),
  ...['data', 'customData'].map(
    (key): Row => ({ name: `${key} is []`, source: lists, sends: glood({ [key]: [] }), event: nothing }),
  ),
  {
    name: 'track is []',
    source: lists,
    sends: glood({ name: 'glood:section:view', customData: { track: [] } }),
    event: { event_type: 'block_view' },
  },
  { name: 'Tapcart’s data is []', source: lists, sends: tapcart({ data: [] }), event: { data: undefined } },
  {
    name: 'Tapcart’s properties are []',
    source: lists,
    sends: tapcart({ properties: [] }),
    event: { contextual_data: undefined },
  },
  {
    name: 'everything of PHP at once',
    source: lists,
    sends: glood({ data: [], customData: [] }, { cart: [], customer: [], customer_privacy: [], device: [] }),
    event: nothing,
  },
  {
    name: 'every optional field of Layers is null',
    source: optionals,
    sends: layers(all(optionalOfLayers, null)),
    event: bare,
  },
  {
    name: 'every optional field of Layers is empty',
    source: columns,
    sends: layers(all(optionalOfLayers, '')),
    event: bare,
  },
  {
    name: 'every optional field of Glood is null',
    source: optionals,
    sends: glood({ type: null, data: null, customData: null }, all(optionalOfGlood, null)),
    event: nothing,
  },
  {
    name: 'every optional field of Glood is empty',
    source: columns,
    sends: glood({ type: '', data: '', customData: '' }, all(optionalOfGlood, '')),
    event: nothing,
  },
  {
    name: 'Tapcart’s optional fields are null',
    source: optionals,
    sends: tapcart({ data: null, properties: null, mp_metadata: { mp_event_id: 'event-1', mp_session_id: null } }),
    event: { data: undefined, contextual_data: undefined, session_id: undefined },
  },
  {
    name: 'an empty session in Glood',
    source: 'Glood’s schema allows it',
    sends: glood({}, { session_id: '' }),
    event: { session_id: undefined },
  },
  {
    name: 'an empty session in Layers',
    source: 'storage that is blocked',
    sends: layers({ session_id: '' }),
    event: { session_id: undefined },
  },
  {
    name: 'an empty id and an empty session in Glood',
    source: 'Glood’s schema allows both',
    sends: glood({ id: '' }, { session_id: '' }),
    event: { id_source: 'derived', session_id: undefined },
  },
  {
    name: 'the smallest event that Glood’s schema allows',
    source: 'the OpenAPI document',
    sends: { ...glood(), body: '{"event":{"id":"","name":"glood:init"},"session_id":""}' },
    event: { event_type: 'session_start', id_source: 'derived' },
  },
  {
    name: 'contextual_data is a list with something in it',
    source: 'lists of key and value',
    sends: layers({ contextual_data: [{ key: 'theme', value: 'dark' }] }),
    event: { contextual_data: undefined, extra: { contextual_data: [{ key: 'theme', value: 'dark' }] } },
  },
  {
    name: 'contextual_data is JSON in a text',
    source: 'JSON encoded twice',
    sends: layers({ contextual_data: '{"theme":"dark"}' }),
    event: { extra: { contextual_data: '{"theme":"dark"}' } },
  },
  {
    name: 'the cart is a list of its lines',
    source: 'storefronts that hand over cart.lines',
    sends: glood({ name: 'cart_viewed' }, { cart: [{ id: '1', quantity: 2 }] }),
    event: { cart: undefined, extra: { cart: [{ id: '1', quantity: 2 }] } },
  },
  {
    name: 'the device is a word',
    source: 'apps that send Platform.OS',
    sends: glood({}, { device: 'ios' }),
    event: { extra: { device: 'ios' } },
  },
  {
    name: 'customData is a text',
    source: 'Shopify.analytics.publish with a text',
    sends: glood({ name: 'glood:init', customData: 'hello' }),
    event: { custom_data: undefined, extra: { event: { customData: 'hello' } } },
  },
  {
    name: 'an entry of the batch is null, one [] and one a text',
    source: 'sparse arrays, empty arrays of PHP, JSON encoded twice',
    sends: batch([null, [], '{}', layersExample()]),
    event: { event_id: 'event-1' },
    refused: Array.from({ length: 3 }, (_, at) => ({
      code: 'invalid',
      reason: new RegExp(`events\\[${at}\\].*an object`),
    })),
  },
  {
    name: 'the batch is an object of numbered entries',
    source: 'an array of PHP with a gap',
    sends: layersText(JSON.stringify({ events: { 1: layersExample() } })),
    event: { event_id: 'event-1' },
  },
  {
    name: 'the batch is an empty array',
    source: 'a queue that is flushed empty',
    sends: batch([]),
    answer: { status: 422, body: /1 to 100/ },
    refused: [{ code: 'events_empty', reason: /got 0/ }],
  },
  {
    name: 'an init of null fields',
    source: optionals,
    sends: init({ user_id: null, client_id: null, customer_id: null, page_type: null, page_url: null }),
    answer: { status: 200, body: /"customer_id":""/ },
  },
  { name: 'an init of []', source: lists, sends: init('[]'), answer: { status: 200, body: /"visit_id"/ } },
  {
    name: 'an init without a body',
    source: 'fetch without a body',
    sends: init(''),
    answer: { status: 200, body: /"visit_id"/ },
  },
  {
    name: 'a Layers event with keys that nobody knows',
    source: 'the SDK passes unknown keys through in camelCase',
    sends: layers({ cartId: 'c1', pageTitle: 'Ring', ab: { test: ['b'] }, isNew: false, count: 0 }),
    event: { extra: { cartId: 'c1', pageTitle: 'Ring', ab: { test: ['b'] }, isNew: false, count: 0 } },
  },
  {
    name: 'Glood keys that nobody knows, at every level',
    source: 'web pixels put clientId and context into the event',
    sends: glood({ clientId: 'c1', seq: 4 }, { locale: 'de', device: { type: 'phone', model: 'Pixel 9' } }),
    event: {
      device_type: 'phone',
      extra: { event: { clientId: 'c1', seq: 4 }, locale: 'de', device: { model: 'Pixel 9' } },
    },
  },
];
