import { GLOOD_PATH, glood, init, layers, layersByQuery, tapcart } from './requests.ts';
import type { Row } from './row.ts';

const one = { event_id: 'event-1' };

export const addresses: readonly Row[] = [
  ...(
    [
      ['/beacon', 'Layers'],
      ['//beacon', 'a base address that ends in /'],
      ['/beacon/', 'a proxy that adds /'],
      ['//beacon/', 'both'],
    ] as const
  ).flatMap(([path, source]): Row[] => [
    { name: `to ${path}`, source, sends: layers({}, { path }), event: one },
    { name: `to ${path}?token=`, source, sends: layersByQuery(`${path}?token={token}`), event: one },
  ]),
  {
    name: 'to Glood with // before',
    source: 'a base address that ends in /',
    sends: glood({}, {}, { path: `/${GLOOD_PATH}` }),
    event: one,
  },
  {
    name: 'to Glood with / behind',
    source: 'a proxy that adds /',
    sends: glood({}, {}, { path: `${GLOOD_PATH}/` }),
    event: one,
  },
  {
    name: 'to Glood’s init with // before',
    source: 'a base address that ends in /',
    sends: init({}, { path: '//api/storefront/v3/headless/init' }),
  },
  {
    name: 'to Glood’s init with / behind',
    source: 'a proxy that adds /',
    sends: init({}, { path: '/api/storefront/v3/headless/init/' }),
  },
  {
    name: 'to Tapcart with // before',
    source: 'an address typed by hand',
    sends: tapcart({}, { path: '//webhooks/tapcart?token={token}' }),
    event: one,
  },
  {
    name: 'to Tapcart with / behind',
    source: 'an address typed by hand',
    sends: tapcart({}, { path: '/webhooks/tapcart/?token={token}' }),
    event: one,
  },
  {
    name: 'other parameters beside the token',
    source: 'cache busters',
    sends: layersByQuery('/beacon?_=1780315200&token={token}&x='),
    event: one,
  },
  {
    name: 'GET / of a balancer',
    source: 'balancers ask for 200',
    sends: { speaks: 'other', method: 'GET', path: '/' },
    answer: { status: 200, headers: { 'content-type': /json/ } },
  },
  {
    name: 'HEAD / of a balancer',
    source: 'balancers ask for 200',
    sends: { speaks: 'other', method: 'HEAD', path: '/' },
    answer: { status: 200, body: '' },
  },
  {
    name: 'GET /beacon in a browser',
    source: 'people who look',
    sends: { speaks: 'layers', method: 'GET', path: '/beacon' },
    answer: { status: 405, headers: { allow: /POST/ }, body: /"errors"/ },
  },
  {
    name: 'GET of Glood’s events',
    source: 'people who look',
    sends: { speaks: 'glood', method: 'GET', path: GLOOD_PATH },
    answer: { status: 405, headers: { allow: /POST/ }, body: /"error":405/ },
  },
  {
    name: 'POST to an address of nobody',
    source: 'a path typed wrong',
    sends: layers({}, { path: '/v1/beacon' }),
    answer: { status: 404, body: /\/beacon/ },
  },
  {
    name: 'cookies of 20 KB',
    source: 'shops under one domain with everything else; was 431',
    sends: layers({}, { headers: { cookie: `_shopify_y=${'x'.repeat(20_000)}` } }),
    event: one,
  },
  {
    name: 'cookies of 40 KB',
    source: '32 KB of headers',
    sends: layers({}, { headers: { cookie: `_shopify_y=${'x'.repeat(40_000)}` } }),
    answer: { status: 431 },
  },
  {
    name: 'the request id of a router',
    source: 'Heroku: X-Request-Id',
    sends: layers({}, { headers: { 'x-request-id': '8f6c1f0a-3d1e-4b8e' } }),
    answer: { status: 201, headers: { 'x-request-id': '8f6c1f0a-3d1e-4b8e' } },
    event: one,
  },
  {
    name: '?verbose=1',
    source: 'the README',
    sends: layers({}, { path: '/beacon?verbose=1' }),
    answer: { status: 201, body: /"verdict":"accepted"/ },
    event: one,
  },
  {
    name: 'a shop that wants 204',
    source: 'Layers’ older page',
    shop: { successStatus: 204 },
    sends: layers(),
    answer: { status: 204, body: '', headers: { 'content-type': undefined } },
    event: one,
  },
  {
    name: 'headers of proxies and balancers',
    source: 'Heroku, nginx, Cloudflare',
    sends: layers(
      {},
      {
        headers: {
          'x-forwarded-for': '203.0.113.7, unknown, [2001:db8::1]:443',
          'x-forwarded-proto': 'https',
          via: '1.1 vegur',
          forwarded: 'for="[2001:db8::1]"',
          'x-real-ip': 'nonsense',
        },
      },
    ),
    event: one,
  },
];
