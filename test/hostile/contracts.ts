import { gzipSync } from 'node:zlib';
import { SHOP } from '../support/gateway.ts';
import { bearer, filled, gloodEvent, gloodPath, type Input, initPath, one, posted, shop } from './pieces.ts';
import { host, request } from './wire.ts';

const sent = (
  path: string,
  name: string,
  status: number,
  headers: readonly string[],
  text: string | Buffer,
): Input => ({
  name,
  answers: [status],
  never: /other\.myshopify|^[Ss]et-[Cc]ookie/m,
  sending: () => one(posted(path, headers, text)),
});
const glood = (name: string, status: number, headers: readonly string[], text = gloodEvent()) =>
  sent(gloodPath, `Glood: ${name}`, status, headers, text);
const init = (name: string, status: number, text: string, headers: readonly string[] = [bearer, shop]) =>
  sent(initPath, `init: ${name}`, status, headers, text);
const tapcart = (name: string, status: number, text: string | Buffer, headers: readonly string[] = []) =>
  sent('/webhooks/tapcart?token=demo-token', `Tapcart: ${name}`, status, headers, text);
const clicked = (more: string) => `{"event":"pageView","mp_metadata":{"mp_event_id":"t-1"}${more}}`;

/** Glood and Tapcart with the parts of their contracts mixed up, left out and filled with what does not belong there. */
export const contracts: readonly Input[] = [
  glood('the shop of another', 403, [bearer, 'X-Shop: other.myshopify.com']),
  glood('two shops in one header', 403, [bearer, shop, 'X-Shop: other.myshopify.com']),
  glood('no shop', 400, [bearer]),
  glood('a blank shop', 400, [bearer, 'X-Shop:  ']),
  ...[
    'javascript:alert(1)',
    `https://${SHOP}@evil.example`,
    `https://evil.example#${SHOP}`,
    `https://evil.example/?${SHOP}`,
    `${SHOP}.evil.example`,
    `evil.${SHOP}`,
    'd\u00ebmo.myshopify.com',
    '*',
    '..',
    '[::1]',
    `${SHOP},${SHOP}`,
    filled('x', 10_000),
  ].map((name) => glood(`the shop ${name.length > 60 ? 'of 10 KB' : name}`, 403, [bearer, `X-Shop: ${name}`])),
  glood('its shop as a URL in capitals', 200, [bearer, `X-Shop: HTTPS://${SHOP.toUpperCase()}:443/path?x#y`]),
  glood('another shop in the body', 403, [bearer, shop], gloodEvent(',"shop_domain":"other.myshopify.com"')),
  glood(
    'another shop in the body, twice',
    403,
    [bearer, shop],
    gloodEvent(`,"shop_domain":"${SHOP}","shop_domain":"other.myshopify.com"`),
  ),
  ...['[]', '{}', '7', 'true', `["${SHOP}"]`].map((text) =>
    glood(`${text} for a shop`, 400, [bearer], gloodEvent(`,"shop_domain":${text}`)),
  ),
  ...[
    'Basic ZGVtby10b2tlbjo=',
    'Bearer',
    'Bearer ',
    'Bearer demo-token x',
    'Bearer "demo-token"',
    'Bearer demo-token,',
    'demo-token',
    'Bearerdemo-token',
    'Bearer sha256:aaaa',
  ].map((text) => glood(`Authorization: ${text}`, 401, [`Authorization: ${text}`, shop])),
  glood('two bearers', 401, ['Authorization: Bearer x', bearer, shop]),
  glood('its token in the header of Layers', 401, ['X-Storefront-Access-Token: demo-token', shop]),
  sent(`${gloodPath}?token=demo-token`, 'Glood: its token in the query', 401, [shop], gloodEvent()),
  glood('text/plain', 415, [bearer, shop, 'Content-Type: text/plain']),
  glood('a batch', 400, [bearer, shop], `[${gloodEvent()}]`),
  ...['null', '[]', '"page_viewed"', '{}', '{"id":"x","name":"__proto__"}', '{"id":"x","name":["page_viewed"]}'].map(
    (text) => glood(`${text} for an event`, 400, [bearer, shop], `{"event":${text},"session_id":"s"}`),
  ),
  ...['{"id":{},"name":"page_viewed"}', '{"id":"a\\u0000","name":"page_viewed"}'].map((text) =>
    glood(`${text} for an event`, 200, [bearer, shop], `{"event":${text},"session_id":"s"}`),
  ),
  glood(
    'a session of every type',
    200,
    [bearer, shop],
    '{"event":{"id":"x","name":"page_viewed"},"session_id":{"a":[]}}',
  ),
  glood('consent that is an array', 200, [bearer, shop], gloodEvent(',"customer_privacy":["analytics"]')),
  glood('products of every type', 200, [bearer, shop], gloodEvent(',"cart":{"items":[null,1,"x",[],{"id":{}}]}')),
  glood(
    'its reasons for 250 KB',
    400,
    [bearer, shop],
    `{"event":{"id":"${filled('x', 8_000)}","name":"${filled('y', 8_000)}"},"session_id":[]}`,
  ),

  init('no shop', 400, '{}', [bearer]),
  init('the shop of another', 403, '{}', [bearer, 'X-Shop: other.myshopify.com']),
  init('no token', 401, '{}', [shop]),
  ...['[1]', 'null', '1', '{'].map((text) => init(`${text} for a body`, 400, text)),
  ...['[]', '{"user_id":{}}', '{"client_id":["x"]}', '{"customer_id":1.5}'].map((text) =>
    init(`${text} for a body`, 200, text),
  ),
  init('100,000 arrays in each other', 400, filled('[', 100_000)),
  init('300 KB', 413, filled(' ', 300_000)),
  init('ids that would be headers', 200, '{"user_id":"a\\r\\nSet-Cookie: x=1","client_id":"\\u0000"}'),
  init('keys that every object has', 200, '{"constructor":{"prototype":{"x":1}},"toString":1}'),
  { name: 'init: GET', answers: [405], sending: () => one(request(`GET ${initPath} HTTP/1.1`, [host, bearer, shop])) },

  tapcart('no id', 422, '{"event":"pageView","mp_metadata":{}}'),
  ...['"__proto__"', '"constructor"', 'null', '["pageView"]', '{"toString":1}'].map((text) =>
    tapcart(`${text} for an event`, 422, clicked(`,"event":${text}`)),
  ),
  tapcart('data that is an array', 200, clicked(',"data":[[]]')),
  tapcart(
    'times that are none',
    200,
    clicked(',"timestamp":1e400,"data":{"timestamp":"nope"},"properties":{"timestamp":-0}'),
  ),
  tapcart(
    'products of every type',
    200,
    clicked(',"data":{"items":[null,1,"x",[],{"id":{}}],"lineItems":7,"product_ids":[{},[],null,1e400]}'),
  ),
  tapcart(
    'a device of every type',
    200,
    clicked(',"properties":{"device":[1],"deviceId":{},"appVersion":7,"os":true}'),
  ),
  tapcart('a device of 15 KB in its header', 200, clicked(''), [`DeviceId: ${filled('x', 15_000)}`]),
  tapcart('gzip that is none', 400, 'no gzip', ['Content-Encoding: gzip']),
  tapcart('gzip', 200, gzipSync(clicked('')), ['Content-Encoding: gzip']),
  tapcart('a batch', 422, `[${clicked('')}]`),
];
