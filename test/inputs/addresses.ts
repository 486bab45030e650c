import { GLOOD_PATH, glood, init, layers, tapcart } from './requests.ts';
import type { Row, Sent } from './row.ts';

const one = { event_id: 'event-1' };
const inQuery = (path: string): Sent => {
  const sent = layers({}, { path });
  return { ...sent, headers: { 'content-type': 'application/json' } };
};
const UNAUTHENTICATED = { status: 401, body: '{"error":"Unauthenticated"}' };
const wrongToken = { headers: { 'x-storefront-access-token': 'wrong' } };
const authorized = (authorization: string) => ({ headers: { authorization } });

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
    { name: `to ${path}?token=`, source, sends: inQuery(`${path}?token={token}`), event: one },
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
    sends: inQuery('/beacon?_=1780315200&token={token}&x='),
    event: one,
  },
  {
    name: 'a token with + that the client did not encode',
    source: 'a blank in a query token is tried as +',
    shop: { tokens: ['shpat+{row}+x'] },
    sends: inQuery('/beacon?token=shpat+{row}+x'),
    event: one,
  },
  {
    name: 'a token with + that the client encoded',
    source: 'encodeURIComponent',
    shop: { tokens: ['shpat+{row}+x'] },
    sends: inQuery('/beacon?token=shpat%2B{row}%2Bx'),
    event: one,
  },
  {
    name: 'a token with + in Tapcart’s address',
    source: 'an address typed by hand',
    shop: { tokens: ['shpat+{row}+x'] },
    sends: tapcart({}, { path: '/webhooks/tapcart?token=shpat+{row}+x' }),
    event: one,
  },
  {
    name: 'a token with blanks around it',
    source: 'copied with its line',
    sends: inQuery('/beacon?token=%20{token}%20'),
    event: one,
  },
  {
    name: 'the token twice',
    source: 'a tag manager that adds it again',
    sends: inQuery('/beacon?token={token}&token=other'),
    event: one,
  },
  {
    name: 'an empty header and a token in the query',
    source: 'a variable that is not set',
    sends: {
      ...inQuery('/beacon?token={token}'),
      headers: { 'x-storefront-access-token': '', 'content-type': 'application/json' },
    },
    event: one,
  },
  {
    name: 'a wrong header and a right token in the query',
    source: 'Layers: the header wins',
    sends: { ...layers({}, wrongToken), path: '/beacon?token={token}' },
    answer: UNAUTHENTICATED,
  },
  { name: 'a wrong token', source: 'a token that was revoked', sends: layers({}, wrongToken), answer: UNAUTHENTICATED },
  { name: 'no token', source: 'a variable that is not set', sends: inQuery('/beacon'), answer: UNAUTHENTICATED },
  {
    name: 'an empty token in the query',
    source: 'a variable that is not set',
    sends: inQuery('/beacon?token='),
    answer: UNAUTHENTICATED,
  },
  {
    name: 'the token "undefined"',
    source: 'a variable that is not set',
    sends: inQuery('/beacon?token=undefined'),
    answer: UNAUTHENTICATED,
  },
  {
    name: 'a token that is no percent-encoding',
    source: 'broken encoders',
    sends: inQuery('/beacon?token=%zz%'),
    answer: UNAUTHENTICATED,
  },
  {
    name: 'an older token beside a newer one',
    source: 'rotation: both are valid for a moment',
    shop: { tokens: ['new-{row}', 'old-{row}'] },
    sends: inQuery('/beacon?token=old-{row}'),
    event: one,
  },
  {
    name: 'a server token',
    source: 'back ends',
    sends: layers({ geo_country: 'DE' }, { headers: { 'x-storefront-access-token': '{serverToken}' } }),
    event: { trust: 'server', geo_country: 'DE' },
  },
  {
    name: 'Glood with bearer in lower case',
    source: 'RFC 9110: schemes in any case',
    sends: glood({}, {}, authorized('bearer {token}')),
    event: one,
  },
  {
    name: 'Glood with two blanks behind Bearer',
    source: 'templates',
    sends: glood({}, {}, authorized('Bearer  {token}')),
    event: one,
  },
  {
    name: 'Glood with the bare token',
    source: 'clients that leave Bearer out',
    sends: glood({}, {}, authorized('{token}')),
    answer: { status: 401, body: /"error":401/ },
  },
  {
    name: 'Glood with Basic',
    source: 'HTTP clients with user and password',
    sends: glood({}, {}, authorized('Basic dXNlcjpwYXNz')),
    answer: { status: 401, body: /"error":401/ },
  },
  {
    name: 'x-shop as a URL',
    source: 'storefronts that hand over their address',
    sends: glood({}, {}, { headers: { 'x-shop': 'https://{shop}/' } }),
    event: one,
  },
  {
    name: 'x-shop in upper case',
    source: 'names of any case',
    sends: glood({}, {}, { headers: { 'x-shop': 'Row-{row}.MyShopify.com' } }),
    event: one,
  },
  {
    name: 'x-shop as the shop’s own domain',
    source: 'aliases',
    shop: { aliases: ['row{row}.example.com'] },
    sends: glood({}, {}, { headers: { 'x-shop': 'row{row}.example.com' } }),
    event: one,
  },
  {
    name: 'x-shop of another shop',
    source: 'a token of another shop',
    sends: glood({}, {}, { headers: { 'x-shop': 'other.myshopify.com' } }),
    answer: { status: 403, body: /"error":403/ },
  },
  {
    name: 'shop_domain of another shop',
    source: 'a token of another shop',
    sends: glood({}, { shop_domain: 'other.myshopify.com' }),
    answer: { status: 403, body: /shop_domain/ },
  },
  {
    name: 'shop_domain as a URL, without x-shop',
    source: 'Glood: either names the shop',
    sends: glood({}, { shop_domain: 'https://{shop}' }, { headers: { 'x-shop': '' } }),
    event: one,
  },
  {
    name: 'no shop at all',
    source: 'Glood: x-shop or shop_domain',
    sends: glood({}, {}, { headers: { 'x-shop': '' } }),
    answer: { status: 400, body: /x-shop/ },
    refused: [{ code: 'shop_missing', reason: /x-shop/ }],
  },
  {
    name: 'a shop without a token, where the shop allows that',
    source: 'Glood’s older page: x-shop alone',
    shop: { glood: { allowShopHeaderOnly: true, config: {}, allowPrivateNetworks: false } },
    sends: glood({}, {}, { headers: { authorization: '' } }),
    event: one,
  },
  {
    name: 'a shop without a token',
    source: 'Glood’s older page: x-shop alone',
    sends: glood({}, {}, { headers: { authorization: '' } }),
    answer: { status: 401, body: /"error":401/ },
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
