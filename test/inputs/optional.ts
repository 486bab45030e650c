import { glood, layers, layersExample, tapcart } from './requests.ts';
import { either, type Row } from './row.ts';

/** A field that an event can do without, with a value that is none of its kind: kept in extra, and the event is taken. */
const aside = (key: string, value: unknown, source: string, more: object = {}): Row => ({
  name: `${key} is ${JSON.stringify(value)}`,
  source,
  sends: layers({ [key]: value }),
  event: { [key]: undefined, extra: { [key]: value }, ...more },
});

const express = 'Express and Rails: a parameter that comes twice';

export const optional: readonly Row[] = [
  aside('marketing_source', ['a', 'b'], express),
  aside('marketing_medium', { 0: 'cpc', 1: 'email' }, 'PHP: utm_medium[]='),
  aside('marketing_campaign', true, 'a parameter without a value'),
  aside('marketing_campaign', 2026, 'JSON_NUMERIC_CHECK of PHP'),
  {
    name: 'marketing_source is too long for a field',
    source: 'a URL that a visitor made',
    sends: layers({ marketing_source: 'x'.repeat(5000) }),
    event: {},
  },
  {
    name: 'marketing_source is a name that reaches for the prototype',
    source: 'scanners',
    sends: layers({ marketing_source: '__proto__', marketing_medium: 'constructor' }),
    event: { marketing_source: '__proto__', marketing_medium: 'constructor' },
  },
  {
    name: 'marketing_* of Layers as they should be',
    source: 'Layers event types page',
    sends: layers({ marketing_source: 'newsletter', marketing_medium: 'email', marketing_campaign: 'sommer & söhne' }),
    event: { marketing_source: 'newsletter', marketing_medium: 'email', marketing_campaign: 'sommer & söhne' },
  },
  aside('shopping_channel', 'pos', 'Shopify POS', { shopping_channel: 'web' }),
  aside('shopping_channel', 'mobile', 'Glood’s word for app', { shopping_channel: 'web' }),
  aside('shopping_channel', 1, 'an enum by its number', { shopping_channel: 'web' }),
  aside('variant_id', 'default', 'products without variants'),
  aside('variant_id', {}, 'a variant that is not loaded', { extra: either(undefined, { variant_id: {} }) }),
  aside('variant_id', -1, 'no variant, in native apps'),
  aside('variant_id', 'gid://shopify/ProductVariant/', 'a gid of nothing'),
  aside('position', 0, 'lists that count from 0'),
  aside('position', -1, 'indexOf of what is not in the list'),
  aside('position', 1.5, 'a carousel between two slides'),
  aside('position', 'first', 'words'),
  aside('device_id', { id: 'd1' }, 'an object of a device library'),
  aside('customer_id', true, 'a flag: logged in'),
  aside('customer_id', { id: 'gid://shopify/Customer/1' }, 'the customer instead of its id'),
  aside('collection_handle', ['summer', 'sale'], 'several collections'),
  aside('attribution_token', ['t1', 't2'], 'several blocks'),
  aside('contextual_data', 'home', 'a word instead of an object'),
  aside('contextual_data', 7, 'a number instead of an object'),
  aside('contextual_data', false, 'a flag instead of an object'),
  {
    name: 'a place in the list as digits',
    source: 'data attributes of a page',
    sends: layers({ event_type: 'product_click', position: '3' }),
    event: { position: 3 },
  },
  {
    name: 'a collection named 2026, as a number',
    source: 'JSON_NUMERIC_CHECK of PHP',
    sends: layers({ event_type: 'collection_view', product_id: undefined, collection_handle: 2026 }),
    event: { collection_handle: '2026' },
  },
  {
    name: 'a click at place 0',
    source: 'Layers: position is 1-based and required for clicks',
    sends: layers({ event_type: 'product_click', position: 0 }),
    refused: [{ code: 'invalid', reason: /position: expected a whole number from 1, got 0/ }],
  },
  {
    name: 'PHP with JSON_NUMERIC_CHECK: a search for 501 and a session of digits',
    source: 'json_encode flags',
    sends: layers({ event_type: 'search', product_id: undefined, query: 501, session_id: 1780315200 }),
    event: { query: '501', session_id: '1780315200' },
  },
  {
    name: 'a session of GA4, a number',
    source: 'ga_session_id',
    sends: glood({}, { session_id: 1780315200, client_id: 1458209371 }),
    event: { session_id: '1780315200', device_id: '1458209371' },
  },
  ...[{ id: 's1' }, ['s1'], true, 0, -1, 1.5].map(
    (session_id): Row => ({
      name: `a session that cannot serve as one: ${JSON.stringify(session_id)}`,
      source: 'objects of session libraries; an event may be without a session',
      sends: layers({ session_id }),
      event: { session_id: undefined, extra: { session_id } },
    }),
  ),
  ...(
    [
      ['channel', 'app', 'Layers’ word'],
      ['channel', 'ios', 'Platform.OS'],
      ['page_type', 'blog', 'templates that Glood does not list'],
      ['page_type', 'article', 'Shopify template names'],
      ['page_url', ['https://shop.example.com/'], 'a list'],
      ['user_id', { id: 1 }, 'the user instead of its id'],
    ] as const
  ).map(
    ([key, value, source]): Row => ({
      name: `${key} of Glood is ${JSON.stringify(value)}`,
      source,
      sends: glood({}, { [key]: value }),
      event: { [key]: undefined, extra: { [key]: value } },
    }),
  ),
  {
    name: 'event.type of Glood is another word',
    source: 'web pixels: dom, advanced-dom, meta',
    sends: glood({ type: 'dom' }),
    event: { extra: { event: { type: 'dom' } } },
  },
  {
    name: 'fields of the device that are no texts',
    source: 'React Native Platform.Version is a number on Android',
    sends: glood({}, { device: { type: 'phone', os: 'Android', os_version: 36, app_version: null } }),
    event: {
      device_type: 'phone',
      os: 'Android',
      os_version: undefined,
      extra: { device: { os_version: 36 } },
    },
  },
  {
    name: 'mp_session_id of Tapcart is a number',
    source: 'Mixpanel ids',
    sends: tapcart({ mp_metadata: { mp_event_id: 'event-1', mp_session_id: 1780315200 } }),
    event: { session_id: '1780315200' },
  },
  {
    name: 'data of Tapcart is a list',
    source: 'Tapcart’s older webhook: several products',
    sends: tapcart({ data: [{ productId: '1' }] }),
    event: { data: undefined, extra: { data: [{ productId: '1' }] } },
  },
  {
    name: 'one odd field does not cost its neighbours',
    source: 'one rule above all',
    sends: layers({ variant_id: 'x', position: 0, marketing_source: ['a'], shopping_channel: 'kiosk', query: 5 }),
    event: {
      product_id: String(layersExample().product_id),
      variant_id: undefined,
      position: undefined,
      query: '5',
      extra: { variant_id: 'x', position: 0, marketing_source: ['a'], shopping_channel: 'kiosk' },
    },
  },
];
