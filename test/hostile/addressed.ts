import { body, event, events, filled, good, headed, type Input, length, one, posted } from './pieces.ts';
import { host, request, token } from './wire.ts';

const at = (path: string, status: number, headers: readonly string[] = [token]): Input => ({
  name: `POST ${path.length > 60 ? `${path.slice(0, 20)}… (${path.length} characters)` : path}`,
  answers: [status],
  never: /^[Ss]et-[Cc]ookie/m,
  sending: () => one(posted(path, headers, good())),
});

const got = (path: string, status: number, headers: readonly string[] = []): Input => ({
  name: `GET ${path}`,
  answers: [status],
  sending: () => one(request(`GET ${path} HTTP/1.1`, [host, ...headers])),
});

const origin = 'Origin: https://shop.example.com';

/** Paths, queries and headers that say one thing to us and another to a proxy. */
export const addressed: readonly Input[] = [
  ...[
    '/./beacon',
    '/beacon/.',
    '/beacon/../beacon',
    '/beacon%2f',
    '/beacon%20',
    '/beacon%0d%0aSet-Cookie:%20x=1',
    '/%c0%ae%c0%ae/',
    '/\\beacon',
    '//evil.example/beacon',
    '//[x/beacon',
  ].map((path) => at(path, 404)),
  at('/%62eacon', 201),
  at('/beacon//', 201),
  at(`/${'a/'.repeat(5_000)}`, 404),
  at('http://[x/beacon', 400),
  at('http://%@x/beacon', 400),
  at('http://user:password@evil.example/beacon', 201),
  at('https:///beacon', 201),
  at('/beacon#/admin', 201),
  at('/beacon?', 201),
  at('/beacon??token=x', 201),
  at('/beacon?token=demo-token', 201, []),
  at('/beacon?%74oken=%64emo-token', 201, []),
  at('/beacon?token[]=demo-token', 401, []),
  at('/beacon?token%5B%5D=demo-token&TOKEN=demo-token', 401, []),
  at('/beacon?token=demo-token%00', 401, []),
  at('/beacon?token=demo-token%0d%0a', 201, []),
  at('/beacon?token=demo-token;token=x', 401, []),
  at(`/beacon?${'&'.repeat(7_000)}token=demo-token`, 201, []),
  at(`/beacon?${'a=b&'.repeat(3_000)}`, 401, []),
  at('/beacon?__proto__[token]=demo-token', 401, []),

  ...[
    '/admin/dead',
    '/admin',
    '/admin/',
    '/ADMIN/dead',
    '//admin/dead',
    '/beacon/../admin/dead',
    '/beacon/%2e%2e/admin/dead',
    '/admin%2fdead',
    '/admin;/dead',
    '/%61dmin/dead',
    '/.env',
    '/data/log/data.mdb',
    '/metrics/../admin/dead',
  ].map((path) => got(path, 404)),
  got('/metrics', 200),
  headed('an address of the admin API in a header', ['X-Original-URL: /admin/dead', 'X-Rewrite-URL: /admin/dead']),

  ...[
    'https://SHOP.example.com',
    'https://shop.example.com:443',
    'https://shop.example.com/',
    'https://shop.example.com.',
    '',
  ].map((text) => headed(`the origin ${text}`, [`Origin: ${text}`])),
  ...['http://shop.example.com', 'https://shop.example.com@evil.example', 'https://shop%2eexample.com', 'file://'].map(
    (text) => headed(`the origin "${text}"`, [`Origin: ${text}`], 403),
  ),
  headed('the origin twice, the right one first', [origin, 'Origin: https://evil.example'], 403),
  headed(
    'a foreign page that names the right one as its referrer',
    ['Origin: https://evil.example', 'Referer: https://shop.example.com/'],
    403,
  ),

  headed('the token in a cookie and in the header', [
    'Cookie: token=other-token; X-Storefront-Access-Token=other-token',
  ]),
  ...[
    ['a cookie', 'Cookie: token=demo-token; X-Storefront-Access-Token=demo-token'],
    ['a bearer', 'Authorization: Bearer demo-token'],
    ['X-Token', 'X-Token: demo-token'],
    ['a header with underscores', 'X_Storefront_Access_Token: demo-token'],
    ['the header, twice over', 'X-Storefront-Access-Token: demo-token, demo-token'],
    ['quotes', 'X-Storefront-Access-Token: "demo-token"'],
    ['capitals', 'X-Storefront-Access-Token: DEMO-TOKEN'],
  ].map(
    ([name, header = '']): Input => ({
      name: `the token in ${name}`,
      answers: [401],
      never: /demo-token/i,
      sending: () => one(posted('/beacon', [header], good())),
    }),
  ),
  {
    name: 'a blank token in the header and the right one in the query',
    answers: [201],
    taken: 1,
    sending: () => one(posted('/beacon?token=demo-token', ['X-Storefront-Access-Token:   '], good())),
  },
  {
    name: 'a wrong token in the header and the right one in the query',
    answers: [401],
    sending: () => one(posted('/beacon?token=demo-token', ['X-Storefront-Access-Token: x'], good())),
  },
  {
    name: 'the token in the body',
    answers: [401],
    sending: () => one(posted('/beacon', [], `{"token":"demo-token","events":[${event('"query":"q"')}]}`)),
  },

  headed('a Content-Type with a script', ['Content-Type: "><script>alert(1)</script>'], 415),
  headed('a Content-Type of 15 KB', [`Content-Type: ${filled('x', 15_000)}`], 415),
  headed('application/json, text/html', ['Content-Type: application/json, text/html'], 415),
  headed('a form', ['Content-Type: application/x-www-form-urlencoded'], 415),
  headed('JSON that says it is UTF-16', ['Content-Type: application/json; charset=utf-16']),
  headed('JSON in a charset that there is none of', ['Content-Type: APPLICATION/JSON ;charset="']),
  {
    name: 'gzip in a charset that there is none of',
    answers: [415],
    sending: () =>
      one(posted('/beacon', [token, 'Content-Type: text/plain; charset=nope', 'Content-Encoding: gzip'], good())),
  },
  {
    ...headed('a request id that would be a header', ['X-Request-Id: a%0d%0aSet-Cookie: x=1']),
    never: /Set-Cookie/i,
  },
  { ...headed('a request id that is a script', ['X-Request-Id: <script>']), never: /<script>/ },
  headed('1,000 addresses that it was forwarded for', [`X-Forwarded-For: ${Array(1_000).fill('10.0.0.1').join(', ')}`]),
  headed('forwarded for what is no address', [
    "X-Forwarded-For: ' OR 1=1, ::::, 999.1.1.1, [::1]:80, unknown",
    'Forwarded: for="_x"',
    'CF-Connecting-IP: x',
  ]),
  headed('a User-Agent of 15,000 brackets', [`User-Agent: Mozilla/5.0 ${filled('(', 15_000)}`]),
  headed('a User-Agent of 15 KB that nearly matches', [
    `User-Agent: ${filled('Android 1;', 7_000)}${filled('Build/', 7_000)}`,
  ]),
  headed(
    '300 cookies',
    Array.from({ length: 300 }, (_, i) => `Cookie: c${i}=v`),
  ),
  headed('X-Requested-With twice', ['X-Requested-With: com.tapcart.a', 'X-Requested-With: XMLHttpRequest']),
  {
    name: 'a preflight of a foreign page',
    answers: [403],
    never: /access-control-allow-origin/i,
    sending: () =>
      one(
        request('OPTIONS /beacon?token=demo-token HTTP/1.1', [
          host,
          'Origin: https://evil.example',
          'Access-Control-Request-Method: POST',
        ]),
      ),
  },
  {
    name: 'a preflight that asks for 10 KB of headers',
    answers: [204],
    sending: () =>
      one(
        request('OPTIONS /beacon HTTP/1.1', [
          host,
          origin,
          'Access-Control-Request-Method: POST',
          `Access-Control-Request-Headers: ${filled('x-a,', 10_000)}`,
        ]),
      ),
  },
  { name: 'OPTIONS *', answers: [404], sending: () => one(request('OPTIONS * HTTP/1.1', [host, length('')])) },
  body('texts that are headers', 1, events(event('"query":"a\\r\\nSet-Cookie: x=1\\r\\n\\r\\n<html>"'))),
];
