import { glood, layers, layersByQuery, tapcart } from './requests.ts';
import type { Row } from './row.ts';

const one = { event_id: 'event-1' };
const UNAUTHENTICATED = { status: 401, body: '{"error":"Unauthenticated"}' };
const wrongToken = { headers: { 'x-storefront-access-token': 'wrong' } };
const authorized = (authorization: string) => ({ headers: { authorization } });

/** How clients say who they are, and of which shop. */
export const tokens: readonly Row[] = [
  {
    name: 'a token with + that the client did not encode',
    source: 'a blank in a query token is tried as +',
    shop: { tokens: ['shpat+{row}+x'] },
    sends: layersByQuery('/beacon?token=shpat+{row}+x'),
    event: one,
  },
  {
    name: 'a token with + that the client encoded',
    source: 'encodeURIComponent',
    shop: { tokens: ['shpat+{row}+x'] },
    sends: layersByQuery('/beacon?token=shpat%2B{row}%2Bx'),
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
    sends: layersByQuery('/beacon?token=%20{token}%20'),
    event: one,
  },
  {
    name: 'the token twice',
    source: 'a tag manager that adds it again',
    sends: layersByQuery('/beacon?token={token}&token=other'),
    event: one,
  },
  {
    name: 'an empty header and a token in the query',
    source: 'a variable that is not set',
    sends: {
      ...layersByQuery('/beacon?token={token}'),
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
  { name: 'no token', source: 'a variable that is not set', sends: layersByQuery('/beacon'), answer: UNAUTHENTICATED },
  {
    name: 'an empty token in the query',
    source: 'a variable that is not set',
    sends: layersByQuery('/beacon?token='),
    answer: UNAUTHENTICATED,
  },
  {
    name: 'the token "undefined"',
    source: 'a variable that is not set',
    sends: layersByQuery('/beacon?token=undefined'),
    answer: UNAUTHENTICATED,
  },
  {
    name: 'a token that is no percent-encoding',
    source: 'broken encoders',
    sends: layersByQuery('/beacon?token=%zz%'),
    answer: UNAUTHENTICATED,
  },
  {
    name: 'an older token beside a newer one',
    source: 'rotation: both are valid for a moment',
    shop: { tokens: ['new-{row}', 'old-{row}'] },
    sends: layersByQuery('/beacon?token=old-{row}'),
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
];
