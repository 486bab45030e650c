import { batch, glood, gloodText, layers, layersExample, layersText, layersWith } from './requests.ts';
import { RECEIVED, type Row } from './row.ts';

const AS_SERVER = { 'x-storefront-access-token': '{serverToken}' };
const noon = '2026-06-01T12:00:00.000Z';

/** Servers, tag managers and tools that make JSON in their own ways. */
export const backends: readonly Row[] = [
  {
    name: 'Python: json.dumps with blanks and escapes, isoformat()',
    source: 'requests, ensure_ascii',
    sends: layersWith('"query": "Gr\\u00f6\\u00dfe", "timestamp": "2026-06-01T12:00:00.000001+00:00"', {
      headers: { 'user-agent': 'python-requests/2.32.3' },
    }),
    event: { query: 'Größe', timestamp: noon, is_bot: true },
  },
  {
    name: 'Python: str() of a dict',
    source: 'print instead of json.dumps',
    sends: layersText("{'events': [{'event_id': None}]}"),
    answer: { status: 422, body: /not JSON/ },
    refused: [{ code: 'not_json', reason: /not JSON/ }],
  },
  {
    name: 'PHP: json_encode of everything',
    source: 'slashes and letters escaped, empty arrays, date(DATE_ATOM)',
    sends: gloodText(
      '{"event":{"id":"event-1","name":"page_viewed","timestamp":"2026-06-01T14:00:00+02:00","data":[]},"session_id":"session-1","page_url":"https:\\/\\/shop.example.com\\/caf\\u00e9","cart":[],"customer":[]}',
    ),
    event: { timestamp: noon, page_url: 'https://shop.example.com/café', cart: undefined },
  },
  {
    name: 'PHP: an amount after serialize_precision = 17',
    source: 'json_encode before PHP 7.1',
    sends: layersWith('"contextual_data": {"price": 19.989999999999998}'),
    event: { contextual_data: { price: 19.989999999999998 } },
  },
  {
    name: 'Ruby: Time#to_s and nil',
    source: 'to_json without ActiveSupport',
    sends: layers(
      { timestamp: '2026-06-01 12:00:00 UTC', customer_id: null, variant_id: null },
      { headers: { 'user-agent': 'Faraday v2.12.0' } },
    ),
    event: { timestamp: noon, customer_id: undefined },
  },
  {
    name: 'Go: & escaped, times with nanoseconds',
    source: 'encoding/json, RFC3339Nano',
    sends: layersWith('"query": "rings \\u0026 \\u003cb\\u003e", "timestamp": "2026-06-01T12:00:00.000000001Z"'),
    event: { query: 'rings & <b>', timestamp: noon },
  },
  {
    name: 'Go: the zero time',
    source: 'time.Time{} without omitempty',
    sends: layers({ timestamp: '0001-01-01T00:00:00Z' }),
    event: { timestamp: RECEIVED, timestamp_source: 'received', extra: { timestamp: '0001-01-01T00:00:00Z' } },
  },
  {
    name: '.NET: + escaped in a time',
    source: 'System.Text.Json escapes + as \\u002B',
    sends: layersWith('"timestamp": "2026-06-01T14:00:00.0000000\\u002B02:00"'),
    event: { timestamp: noon },
  },
  {
    name: 'Java: an id as a double',
    source: 'Gson maps: 7.003338965178E12',
    sends: layersWith('"product_id": 7.003338965178E12'),
    event: { product_id: '7003338965178' },
  },
  {
    name: 'Java: LocalDateTime as a list',
    source: 'Jackson without its module for times',
    sends: layers({ timestamp: [2026, 6, 1, 12, 0] }),
    event: { timestamp: RECEIVED, timestamp_source: 'received', extra: { timestamp: [2026, 6, 1, 12, 0] } },
  },
  {
    name: 'Rust: SystemTime',
    source: 'serde: secs_since_epoch',
    sends: layers({ timestamp: { secs_since_epoch: 1780315200, nanos_since_epoch: 0 } }),
    event: {
      timestamp: RECEIVED,
      timestamp_source: 'received',
      extra: { timestamp: { secs_since_epoch: 1780315200, nanos_since_epoch: 0 } },
    },
  },
  {
    name: 'Lua: an id with an exponent',
    source: 'cjson: 7.003338965178e+12',
    sends: layersWith('"product_id": 7.003338965178e+12'),
    event: { product_id: '7003338965178' },
  },
  {
    name: 'Swift: flags as 1 and 0, slashes escaped',
    source: 'NSJSONSerialization and NSNumber',
    sends: gloodText(
      '{"event":{"id":"event-1","name":"page_viewed"},"session_id":"session-1","page_url":"screen:\\/\\/home","customer_privacy":{"marketingAllowed":1,"saleOfDataAllowed":0}}',
      { headers: { 'user-agent': 'Shop/41 CFNetwork/1498.700.2 Darwin/23.6.0' } },
    ),
    event: { consent: { marketing: true, sale_of_data: false }, page_url: 'screen://home', shopping_channel: 'app' },
  },
  {
    name: 'Objective-C: (null) in every place',
    source: 'stringWithFormat of nil',
    sends: layers({ event_id: '(null)', timestamp: '(null)', variant_id: '(null)' }),
    event: {
      id_source: 'derived',
      timestamp: RECEIVED,
      timestamp_source: 'received',
      extra: { event_id: '(null)', timestamp: '(null)', variant_id: '(null)' },
    },
  },
  {
    name: 'Zapier and Make: everything is a text',
    source: 'no-code tools',
    sends: glood({}, { customer_privacy: { analytics: 'True', marketing: 'False' }, customer_id: '99', cart: '' }),
    event: { consent: { analytics: true, marketing: false }, customer_id: '99', cart: undefined },
  },
  {
    name: 'Shopify Flow: a template that was not filled in',
    source: 'Send HTTP request with Liquid',
    sends: layers({ event_id: '{{ order.id }}', timestamp: '{{ order.createdAt }}' }),
    event: {
      id_source: 'derived',
      timestamp: RECEIVED,
      extra: { event_id: '{{ order.id }}', timestamp: '{{ order.createdAt }}' },
    },
  },
  {
    name: 'Shopify Flow: a comma too many',
    source: 'Send HTTP request with Liquid loops',
    sends: layersText('{"events":[{"event_id":"e1"},]}'),
    answer: { status: 422, body: /not JSON/ },
    refused: [{ code: 'not_json', reason: /not JSON/ }],
  },
  {
    name: 'a GTM server container',
    source: 'sendHttpRequest: the shopper’s User-Agent and address handed on',
    sends: layers(
      { timestamp: 1780315200000, event_id: '1780315200000.abc', 'x-ga-js_client_id': '1458209371.1795900000' },
      {
        headers: {
          ...AS_SERVER,
          'user-agent':
            'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36',
          'x-forwarded-for': '203.0.113.7, 169.254.1.1',
          'x-gclb-country': 'FR',
          'cf-ipcountry': 'US',
        },
      },
    ),
    event: {
      trust: 'server',
      timestamp: noon,
      geo_country: undefined,
      browser: 'Chrome',
      extra: { 'x-ga-js_client_id': '1458209371.1795900000' },
    },
  },
  {
    name: 'a back-fill of last year by a server',
    source: 'Layers: back-filling is a use',
    sends: batch(
      [1, 2, 3].map((n) => layersExample({ event_id: `old-${n}`, timestamp: `2025-0${n}-01T00:00:00Z` })),
      { headers: AS_SERVER },
    ),
    events: [1, 2, 3].map((n) => ({ event_id: `old-${n}`, timestamp: `2025-0${n}-01T00:00:00.000Z`, trust: 'server' })),
  },
  {
    name: 'a client of Segment',
    source: 'analytics.js: context, sentAt, messageId',
    sends: layers({
      messageId: 'ajs-1',
      sentAt: noon,
      context: { library: { name: 'analytics.js', version: '5.2.0' } },
    }),
    event: {
      extra: { messageId: 'ajs-1', sentAt: noon, context: { library: { name: 'analytics.js', version: '5.2.0' } } },
    },
  },
  {
    name: 'a key twice in an event',
    source: 'JSON put together by hand: the last one counts',
    sends: layersText(`{"events":[${JSON.stringify(layersExample()).replace('{', '{"session_id":"first",')}]}`),
    event: { session_id: 'session-1' },
  },
];
