import { GLOOD_PATH, glood, layers, preflight } from './requests.ts';
import type { Row, Settings } from './row.ts';

const one = { event_id: 'event-1' };
const PAGE = 'https://shop.example.com';
const listed = (...origins: string[]): Settings => ({ origins });
const from = (origin: string) => layers({}, { headers: { origin } });
const readableBy = (origin: string) => ({
  'access-control-allow-origin': origin,
  'access-control-allow-credentials': 'true',
  vary: /origin/i,
  'access-control-expose-headers': /X-Events-Accepted/i,
});
const FORBIDDEN = { status: 403, headers: { 'access-control-allow-origin': undefined } };

/** Origins that a shop may list, as the pages of its apps send them. */
const origins: readonly (readonly [origin: string, source: string])[] = [
  [PAGE, 'browsers'],
  ['https://shop.example.com:8443', 'development servers'],
  ['http://localhost:3000', 'development servers'],
  ['file://', 'Android WebViews, Cordova; could not be listed'],
  ['capacitor://localhost', 'Capacitor on iOS'],
  ['ionic://localhost', 'Ionic on iOS'],
  ['https://localhost', 'Capacitor on Android'],
  ['chrome-extension://abcdefghijklmnopabcdefghijklmnop', 'extensions'],
  ['null', 'sandboxed frames, Shopify’s web pixels, data: pages'],
];

/** What tools of a page add to every request, as a preflight names it. */
const added: readonly (readonly [headers: string, source: string])[] = [
  ['content-type', 'sendBeacon with a JSON Blob'],
  ['content-type,x-sdk-client,x-storefront-access-token', 'the Layers SDK'],
  ['content-type,traceparent,tracestate', 'OpenTelemetry'],
  ['baggage,content-type,sentry-trace', 'Sentry'],
  ['content-type,x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority,x-datadog-trace-id', 'Datadog RUM'],
  ['content-type,newrelic,traceparent,tracestate', 'New Relic'],
  ['content-type,request-context,request-id', 'Application Insights'],
  ['content-type,elastic-apm-traceparent', 'Elastic APM'],
  ['content-type,x-instana-l,x-instana-s,x-instana-t', 'Instana'],
  ['content-type,ngsw-bypass', 'Angular’s service worker'],
  ['cache-control,content-type,pragma', 'fetch wrappers'],
  ['content-type,x-posthog-session-id,x-posthog-window-id', 'PostHog'],
];

const granted = (headers: string) =>
  new RegExp(
    headers
      .split(',')
      .map((name) => `(?=.*\\b${name}\\b)`)
      .join(''),
    'i',
  );

export const cors: readonly Row[] = [
  ...origins.flatMap(([origin, source]): Row[] => [
    {
      name: `an event from the listed origin ${origin}`,
      source,
      shop: listed('https://other.example.com', origin),
      sends: from(origin),
      answer: { status: 201, headers: readableBy(origin) },
      event: one,
    },
    {
      name: `a preflight from the listed origin ${origin}`,
      source,
      shop: listed('https://other.example.com', origin),
      sends: preflight(origin, 'content-type'),
      answer: {
        status: 204,
        headers: { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' },
      },
    },
  ]),
  ...added.map(
    ([headers, source]): Row => ({
      name: `a preflight for ${headers}`,
      source,
      shop: listed(PAGE),
      sends: preflight(PAGE, headers),
      answer: {
        status: 204,
        headers: {
          'access-control-allow-origin': PAGE,
          'access-control-allow-headers': granted(headers),
          'access-control-allow-methods': /POST/,
          'access-control-max-age': '7200',
          vary: /origin/i,
        },
      },
    }),
  ),
  {
    name: 'an event with what tools add',
    source: 'OpenTelemetry, Sentry',
    shop: listed(PAGE),
    sends: layers(
      {},
      {
        headers: {
          origin: PAGE,
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          'sentry-trace': 'x',
          baggage: 'a=b',
        },
      },
    ),
    answer: { status: 201, headers: readableBy(PAGE) },
    event: one,
  },
  {
    name: 'a preflight for Glood',
    source: 'Glood: Authorization and x-shop',
    shop: listed(PAGE),
    sends: preflight(PAGE, 'authorization,content-type,traceparent,x-shop', GLOOD_PATH),
    answer: {
      status: 204,
      headers: {
        'access-control-allow-origin': PAGE,
        'access-control-allow-headers': granted('authorization,content-type,traceparent,x-shop'),
      },
    },
  },
  {
    name: 'a preflight whose token will come in a header',
    source: 'a preflight carries no token, so no shop is known',
    shop: listed(PAGE),
    sends: preflight(PAGE, 'content-type,x-storefront-access-token', '/beacon'),
    answer: { status: 204, headers: { 'access-control-allow-origin': PAGE } },
  },
  {
    name: 'a preflight to //beacon',
    source: 'a base address that ends in /',
    shop: listed(PAGE),
    sends: preflight(PAGE, 'content-type', '//beacon?token={token}'),
    answer: { status: 204, headers: { 'access-control-allow-origin': PAGE } },
  },
  {
    name: 'a preflight to /beacon/',
    source: 'a proxy that adds /',
    shop: listed(PAGE),
    sends: preflight(PAGE, 'content-type', '/beacon/?token={token}'),
    answer: { status: 204, headers: { 'access-control-allow-origin': PAGE } },
  },
  {
    name: 'a preflight that asks for no headers',
    source: 'a POST with a safe type and an odd method before it',
    shop: listed(PAGE),
    sends: { ...preflight(PAGE, ''), headers: { origin: PAGE, 'access-control-request-method': 'POST' } },
    answer: { status: 204, headers: { 'access-control-allow-origin': PAGE } },
  },
  {
    name: 'a preflight with a long list of headers',
    source: 'scanners',
    shop: listed(PAGE),
    sends: preflight(PAGE, Array.from({ length: 500 }, (_, at) => `x-${at}`).join(',')),
    answer: { status: 204, headers: { 'access-control-allow-origin': PAGE } },
  },
  {
    name: 'an event from a foreign origin',
    source: 'a copy of the shop',
    shop: listed(PAGE),
    sends: from('https://evil.example'),
    answer: { ...FORBIDDEN, body: /does not list the origin https:\/\/evil\.example/ },
  },
  {
    name: 'an event from an origin with a password in it',
    source: 'scripts that put an address of their own there',
    shop: listed(PAGE),
    sends: from('https://me:0f1e2d3c4b5a@evil.example'),
    answer: { ...FORBIDDEN, body: /does not list the origin unreadable/ },
    secrets: ['0f1e2d3c4b5a'],
  },
  {
    name: 'a preflight from a foreign origin',
    source: 'a copy of the shop',
    shop: listed(PAGE),
    sends: preflight('https://evil.example', 'content-type'),
    answer: FORBIDDEN,
  },
  {
    name: 'an event from a subdomain that is not listed',
    source: 'previews',
    shop: listed(PAGE),
    sends: from('https://preview.shop.example.com'),
    answer: FORBIDDEN,
  },
  {
    name: 'an event from the listed host over http',
    source: 'another scheme is another origin',
    shop: listed(PAGE),
    sends: from('http://shop.example.com'),
    answer: FORBIDDEN,
  },
  {
    name: 'an event from null, where others are listed',
    source: 'sandboxed frames',
    shop: listed(PAGE),
    sends: from('null'),
    answer: FORBIDDEN,
  },
  {
    name: 'an event from null, where nothing is listed',
    source: 'null only if listed',
    sends: from('null'),
    answer: FORBIDDEN,
  },
  {
    name: 'an event from anywhere, where nothing is listed',
    source: 'all, if the shop lists none',
    sends: from('https://anywhere.example'),
    answer: { status: 201, headers: readableBy('https://anywhere.example') },
    event: one,
  },
  {
    name: 'an event without an origin',
    source: 'apps, servers',
    shop: listed(PAGE),
    sends: layers(),
    answer: { status: 201, headers: { 'access-control-allow-origin': undefined } },
    event: one,
  },
  {
    name: 'Glood from a foreign origin',
    source: 'a copy of the shop',
    shop: listed(PAGE),
    sends: glood({}, {}, { headers: { origin: 'https://evil.example' } }),
    answer: { ...FORBIDDEN, body: /"error":403/ },
  },
  {
    name: 'a page may read why its token is refused',
    source: 'no shop is known that objects',
    sends: layers({}, { headers: { origin: PAGE, 'x-storefront-access-token': 'wrong' } }),
    answer: { status: 401, headers: { 'access-control-allow-origin': PAGE } },
  },
  {
    name: 'a page may read why its body is refused',
    source: 'developers look at the answer',
    shop: listed(PAGE),
    sends: { ...from(PAGE), body: '{' },
    answer: { status: 422, headers: readableBy(PAGE), body: /not JSON/ },
    refused: [{ code: 'not_json', reason: /not JSON/ }],
  },
  {
    name: 'OPTIONS that is no preflight',
    source: 'scanners',
    sends: { speaks: 'layers', method: 'OPTIONS', path: '/beacon' },
    answer: { status: 204, headers: { allow: /POST/ } },
  },
];
