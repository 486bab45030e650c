import { layersExample } from '../inputs/requests.ts';
import type { Fields, Refused, Settings } from '../inputs/row.ts';

/** Where a page lies that sends: a page of the shop, one in a sandbox, in a file, or a worker of the shop's page. */
export type Place = 'shop' | 'sandbox' | 'file' | 'worker';

/**
 * What a page does, and all that must come of it. `does` is an expression of the page: `{url}` stands for the address of POST /beacon with the
 * token, `{glood}`, `{token}` and `{shop}` for those of the row's shop, `{body}` for a batch of one event as a JavaScript text. `post(url, more)`
 * is fetch with POST; it gives the status, or "failed".
 */
export interface PageRow {
  readonly name: string;
  readonly source: string;
  readonly at?: Place;
  readonly does: string;
  /** What the page sees of it. */
  readonly sees: unknown;
  readonly shop?: Settings;
  readonly event?: Fields;
  readonly refused?: readonly Refused[];
}

const one: Fields = { event_id: 'event-1', shopping_channel: 'web', browser: 'Chrome', is_bot: false };
const json = (more = ''): string =>
  `post('{url}', { headers: { 'content-type': 'application/json'${more} }, body: {body} })`;
const NULL: Settings = { origins: ['https://other.example.com', 'null'] };
const FILES: Settings = { origins: ['https://other.example.com', 'null', 'file://'] };
const SHOP_ONLY: Settings = { origins: ['https://shop.example.com'] };
const traced = `, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'sentry-trace': 'x-1', baggage: 'a=b'`;
const other = (fields: Record<string, unknown>): string =>
  JSON.stringify(JSON.stringify({ events: [layersExample(fields)] }));

export const pageRows: readonly PageRow[] = [
  {
    name: 'sendBeacon with a text',
    source: 'WHATWG: text/plain, no preflight',
    does: `navigator.sendBeacon('{url}', {body})`,
    sees: true,
    event: one,
  },
  {
    name: 'sendBeacon with a Blob of JSON',
    source: 'Layers’ guide',
    does: `navigator.sendBeacon('{url}', new Blob([{body}], { type: 'application/json' }))`,
    sees: true,
    event: one,
  },
  {
    name: 'sendBeacon with a Blob of text',
    source: 'to avoid the preflight',
    does: `navigator.sendBeacon('{url}', new Blob([{body}], { type: 'text/plain; charset=UTF-8' }))`,
    sees: true,
    event: one,
  },
  {
    name: 'sendBeacon with a Blob without a type',
    source: 'no Content-Type at all',
    does: `navigator.sendBeacon('{url}', new Blob([{body}]))`,
    sees: true,
    event: one,
  },
  {
    name: 'sendBeacon with bytes',
    source: 'no Content-Type at all',
    does: `navigator.sendBeacon('{url}', new TextEncoder().encode({body}))`,
    sees: true,
    event: one,
  },
  {
    name: 'sendBeacon with gzip',
    source: 'CompressionStream: a beacon cannot say Content-Encoding',
    does: `new Response(new Blob([{body}]).stream().pipeThrough(new CompressionStream('gzip'))).blob()
      .then((blob) => navigator.sendBeacon('{url}', new Blob([blob], { type: 'text/plain' })))`,
    sees: true,
    event: one,
  },
  {
    name: 'sendBeacon with a form',
    source: 'URLSearchParams: nothing can be made of it',
    does: `navigator.sendBeacon('{url}', new URLSearchParams({ events: '1' }))`,
    sees: true,
  },
  {
    name: 'fetch with keepalive',
    source: 'Layers’ guide',
    does: `post('{url}', { headers: { 'content-type': 'application/json' }, body: {body}, keepalive: true })`,
    sees: 201,
    event: one,
  },
  {
    name: 'fetch with credentials',
    source: 'fetch wrappers',
    does: `post('{url}', { headers: { 'content-type': 'application/json' }, body: {body}, credentials: 'include' })`,
    sees: 201,
    event: one,
  },
  {
    name: 'fetch without credentials',
    source: 'fetch wrappers',
    does: `post('{url}', { headers: { 'content-type': 'application/json' }, body: {body}, credentials: 'omit' })`,
    sees: 201,
    event: one,
  },
  {
    name: 'fetch that may not read the answer',
    source: 'mode: no-cors',
    does: `post('{url}', { mode: 'no-cors', body: {body} })`,
    sees: 0,
    event: one,
  },
  {
    name: 'fetch of a page that hides its referrer',
    source: 'Referrer-Policy',
    does: `post('{url}', { headers: { 'content-type': 'application/json' }, body: {body}, referrerPolicy: 'no-referrer' })`,
    sees: 201,
    shop: SHOP_ONLY,
    event: one,
  },
  {
    name: 'fetch with what OpenTelemetry and Sentry add',
    source: 'traceparent, sentry-trace, baggage',
    does: json(traced),
    sees: 201,
    shop: SHOP_ONLY,
    event: one,
  },
  {
    name: 'fetch with what Datadog, New Relic and PostHog add',
    source: 'their browser SDKs',
    does: json(`, 'x-datadog-trace-id': '1', newrelic: 'e30=', 'x-posthog-session-id': 's'`),
    sees: 201,
    shop: SHOP_ONLY,
    event: one,
  },
  {
    name: 'fetch with a header that nobody has heard of',
    source: 'company-wide fetch wrappers',
    does: json(`, 'X-Acme-Correlation.Id': 'a', pragma: 'no-cache'`),
    sees: 201,
    event: one,
  },
  {
    name: 'the page reads what was counted',
    source: 'exposed headers',
    does: `fetch('{url}', { method: 'POST', headers: { 'content-type': 'application/json' }, body: {body} }).then(async (a) => [a.headers.get('x-events-accepted'), await a.json()])`,
    sees: ['1', null],
    event: one,
  },
  {
    name: 'XMLHttpRequest with credentials and the token in a header',
    source: 'jQuery, axios',
    does: `new Promise((seen) => { const x = new XMLHttpRequest(); x.open('POST', '{url}'.split('?')[0]); x.withCredentials = true;
      x.setRequestHeader('X-Storefront-Access-Token', '{token}'); x.setRequestHeader('X-Requested-With', 'XMLHttpRequest');
      x.onloadend = () => seen(x.status); x.send({body}) })`,
    sees: 201,
    shop: SHOP_ONLY,
    event: one,
  },
  {
    name: 'to //beacon, with a preflight',
    source: 'a base address that ends in /',
    does: `post('{url}'.replace('/beacon', '//beacon'), { headers: { 'content-type': 'application/json' }, body: {body} })`,
    sees: 201,
    shop: SHOP_ONLY,
    event: one,
  },
  {
    name: 'to /beacon/, with a preflight',
    source: 'a base address typed by hand',
    does: `post('{url}'.replace('/beacon', '/beacon/'), { headers: { 'content-type': 'application/json' }, body: {body} })`,
    sees: 201,
    shop: SHOP_ONLY,
    event: one,
  },
  {
    name: 'a token with +, not encoded',
    source: 'templates',
    does: `navigator.sendBeacon('{url}', {body})`,
    sees: true,
    shop: { tokens: ['a+{row}+b'] },
    event: one,
  },
  {
    name: 'cookies of 20 KB of the shop’s own domain',
    source: 'a gateway under the shop’s domain gets all its cookies',
    does: `(() => { for (let i = 0; i < 6; i += 1) document.cookie = 'c' + i + '=' + 'x'.repeat(3500) + '; domain=example.com; path=/';
      return post('{url}'.replace('cl.uselayers.com', 'events.example.com'), { headers: { 'content-type': 'application/json' }, body: {body}, credentials: 'include' }) })()`,
    sees: 201,
    event: one,
  },
  {
    name: 'a worker of the page',
    source: 'Partytown, web pixels',
    at: 'worker',
    does: json(traced),
    sees: 201,
    shop: SHOP_ONLY,
    event: one,
  },
  {
    name: 'a sandboxed frame whose origin null is listed',
    source: 'Shopify’s web pixels',
    at: 'sandbox',
    does: json(),
    sees: 201,
    shop: NULL,
    event: one,
  },
  {
    name: 'a sandboxed frame that sends a beacon',
    source: 'Shopify’s web pixels: text',
    at: 'sandbox',
    does: `navigator.sendBeacon('{url}', {body})`,
    sees: true,
    shop: NULL,
    event: one,
  },
  {
    name: 'a sandboxed frame with what tools add',
    source: 'Sentry in a frame',
    at: 'sandbox',
    does: json(traced),
    sees: 201,
    shop: NULL,
    event: one,
  },
  {
    name: 'a sandboxed frame whose origin is not listed',
    source: 'null only if listed',
    at: 'sandbox',
    does: json(),
    sees: 'failed',
    shop: SHOP_ONLY,
  },
  {
    name: 'a page in a file',
    source: 'Cordova, kiosks: file://',
    at: 'file',
    does: json(),
    sees: 201,
    shop: FILES,
    event: one,
  },
  {
    name: 'a page in a file, a beacon',
    source: 'Cordova, kiosks: file://',
    at: 'file',
    does: `navigator.sendBeacon('{url}', {body})`,
    sees: true,
    shop: FILES,
    event: one,
  },
  {
    name: 'a page in a file that is not listed',
    source: 'file:// only if listed',
    at: 'file',
    does: json(),
    sees: 'failed',
    shop: SHOP_ONLY,
  },
  {
    name: 'Glood with what OpenTelemetry adds',
    source: 'Authorization, x-shop, traceparent',
    does: `post('{glood}', { headers: { 'content-type': 'application/json', authorization: 'Bearer {token}', 'x-shop': '{shop}'${traced} },
      body: JSON.stringify({ event: { id: 'event-1', name: 'page_viewed' }, session_id: '', page_url: location.href, customer_privacy: { saleOfData: false } }) })`,
    sees: 200,
    shop: SHOP_ONLY,
    event: {
      ...one,
      session_id: undefined,
      page_url: 'https://shop.example.com/shop.html',
      consent: { sale_of_data: false },
    },
  },
  {
    name: 'half an emoji of a text that was cut',
    source: 'substring() of a search; JSON.stringify escapes it',
    does: `navigator.sendBeacon('{url}', JSON.stringify({ events: [{ event_id: 'event-1', event_type: 'search', timestamp: Date.now(), session_id: 's', query: '💍'.slice(0, 1) }] }))`,
    sees: true,
    event: { query: '\ufffd' },
  },
  {
    name: 'String(undefined) as an id and Date() as a time',
    source: 'templates of tag managers',
    does: `navigator.sendBeacon('{url}', JSON.stringify({ events: [{ event_id: String(undefined), event_type: 'search', timestamp: new Date(Date.UTC(2026, 5, 1, 12)).toString(), session_id: 's', query: 'ring' }] }))`,
    sees: true,
    event: { id_source: 'derived', timestamp: '2026-06-01T12:00:00.000Z', extra: { event_id: 'undefined' } },
  },
  {
    name: 'a time as the browser shows it',
    source: 'toLocaleString: U+202F before PM',
    does: `navigator.sendBeacon('{url}', JSON.stringify({ events: [{ event_id: 'event-1', event_type: 'search', timestamp: new Date(Date.UTC(2026, 5, 1, 12)).toLocaleString('en-US', { timeZone: 'UTC' }), session_id: 's', query: 'ring' }] }))`,
    sees: true,
    event: { timestamp: '2026-06-01T12:00:00.000Z' },
  },
  {
    name: 'utm parameters that come twice',
    source: 'a URL of a visitor',
    does: `navigator.sendBeacon('{url}', ${other({ marketing_source: ['a', 'b'] })})`,
    sees: true,
    event: { marketing_source: undefined, extra: { marketing_source: ['a', 'b'] } },
  },
  {
    name: 'an invalid event',
    source: 'Layers: dropped, still 201',
    does: `post('{url}', { headers: { 'content-type': 'application/json' }, body: ${other({ product_id: 'x' })} })`,
    sees: 201,
    refused: [{ code: 'invalid', reason: /product_id/ }],
  },
  {
    name: 'the SDK, by sendBeacon',
    source: '@commerce-blocks/sdk 3.0.0',
    does: `clients.sdk({ eventId: 'event-1', eventType: 'product_view', productId: 7003338965178 }, '{token}')`,
    sees: { data: { ok: true }, error: null },
    shop: SHOP_ONLY,
    event: { ...one, product_id: '7003338965178', session_id: 'session-of-the-shopper' },
  },
  {
    name: 'the SDK, by a fetch that a tool has wrapped',
    source: 'OpenTelemetry wraps fetch',
    does: `(() => { clients.noBeacons(); const plain = fetch; globalThis.fetch = (url, init = {}) => plain(url, { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), traceparent: '00-1', baggage: 'a=b' } });
      return clients.sdk({ eventId: 'event-1', eventType: 'product_view', productId: 7003338965178 }, '{token}') })()`,
    sees: { data: null, error: null },
    shop: SHOP_ONLY,
    event: one,
  },
  {
    name: 'the SDK with what its types do not allow',
    source: 'JavaScript: unknown keys go through, null is left out',
    does: `clients.sdk({ eventId: String(undefined), eventType: 'product_view', productId: 'gid://shopify/Product/7', position: 0, cartId: 'c1', variantId: null, marketing_source: ['a'] }, '{token}')`,
    sees: { data: { ok: true }, error: null },
    event: {
      id_source: 'derived',
      product_id: '7',
      variant_id: undefined,
      position: undefined,
      extra: { event_id: 'undefined', position: 0, cartId: 'c1', marketing_source: ['a'] },
    },
  },
];
