import * as assert from 'uvu/assert';
import type { Gateway } from '../../../server/process/gateway.ts';
import { exchange, gloodHeaders, host, request } from '../../hostile/wire.ts';
import { describe } from '../../support/describe.ts';
import { configOf, gatewayWith, layersEvent, SHOP } from '../../support/gateway.ts';

const PATHS = {
  layers: '/beacon',
  glood: '/api/storefront/v3/headless/events',
  init: '/api/storefront/v3/headless/init',
};
/** As a page's tools write them into every request. */
const TOOLS =
  'baggage,content-type,newrelic,sentry-trace,traceparent,tracestate,x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority,x-datadog-trace-id,x-storefront-access-token';
const ORIGINS = [
  'https://shop.example.com',
  'https://shop2.example.com:8443',
  'https://xn--mnchen-3ya.example',
  'file://',
  'capacitor://localhost',
  'ionic://localhost',
  'app://-',
  'chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb',
  'safari-web-extension://2E5F3C31-0D1F-4F0E-9E41-4D6C1F6D5A11',
  'http://localhost:8080',
  'null',
];
const config = (origins: string) => `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    ${origins}
`;

describe('a preflight', ({ it, before, after }) => {
  let gateway: Gateway;
  before(async () => {
    gateway = await gatewayWith(config(`origins: ${JSON.stringify(ORIGINS)}`));
  });
  after(() => gateway.stop());

  async function preflight(path: string, headers: readonly string[], origin = 'https://shop.example.com') {
    const asked = [host, `Origin: ${origin}`, 'Access-Control-Request-Method: POST', ...headers, 'Content-Length: 0'];
    const { text, statuses } = await exchange(gateway.port, { bytes: [request(`OPTIONS ${path} HTTP/1.1`, asked)] });
    const value = (name: string) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(text)?.[1];
    return { status: statuses[0], value, granted: (value('Access-Control-Allow-Headers') ?? '').split(',') };
  }

  for (const [name, path] of Object.entries(PATHS)) {
    it(`to ${name} is granted what the tools of its page add`, async () => {
      const { status, value, granted } = await preflight(path, [`Access-Control-Request-Headers: ${TOOLS}`]);
      assert.is(status, 204);
      for (const header of TOOLS.split(',')) assert.ok(granted.includes(header), header);
      assert.is(value('Access-Control-Allow-Origin'), 'https://shop.example.com');
      assert.is(value('Access-Control-Allow-Credentials'), 'true');
      assert.is(value('Access-Control-Allow-Methods'), 'POST');
      assert.is(value('Access-Control-Max-Age'), '7200');
      assert.match(value('Vary') ?? '', /Origin/);
      assert.match(value('Vary') ?? '', /Access-Control-Request-Headers/);
    });

    it(`to ${name} may ask for a place in a private network`, async () => {
      const { value } = await preflight(path, ['Access-Control-Request-Private-Network: true']);
      assert.is(value('Access-Control-Allow-Private-Network'), 'true');
      assert.is((await preflight(path, [])).value('Access-Control-Allow-Private-Network'), undefined);
    });
  }

  it('is granted no more than 100 headers of 4 KB, and nothing that is no name', async () => {
    const many = Array.from({ length: 150 }, (_, i) => `x-${i}`);
    const { status, granted } = await preflight('/beacon', [`Access-Control-Request-Headers: ${many.join(', ')}`]);
    assert.is(status, 204);
    assert.ok(granted.includes('x-99') && !granted.includes('x-100'));
    const long = await preflight('/beacon', [`Access-Control-Request-Headers: x-a,${'y'.repeat(5_000)},x-b`]);
    assert.ok(long.granted.includes('x-a') && !long.granted.some((one) => one.length > 100));
    const odd = await preflight('/beacon', [
      'Access-Control-Request-Headers: x-a, <b>,,x\u00e9, *, "c", X-D ,__proto__',
    ]);
    assert.equal(
      odd.granted.filter(
        (one) =>
          !/^(content-type|x-storefront-access-token|x-sdk-client|authorization|x-shop|x-requested-with)$/.test(one),
      ),
      ['x-a', 'x-d', '__proto__'],
    );
  });

  it('from elsewhere than the event paths is granted nothing', async () => {
    for (const path of ['/healthz', '/admin/dead', '/metrics', '/']) {
      const { value } = await preflight(path, [`Access-Control-Request-Headers: ${TOOLS}`]);
      assert.is(value('Access-Control-Allow-Origin'), undefined, path);
      assert.is(value('Access-Control-Allow-Headers'), undefined, path);
    }
  });

  it('whose token names the shop is refused to an origin that it does not list', async () => {
    const { status, value } = await preflight('/beacon?token=demo-token', [], 'https://evil.example');
    assert.is(status, 403);
    assert.is(value('Access-Control-Allow-Headers'), undefined);
  });

  const allowed: readonly string[] = [
    ...ORIGINS,
    'https://SHOP.example.com',
    'https://shop.example.com:443',
    'https://shop.example.com/',
    'https://shop.example.com.',
    'HTTPS://shop.example.com.:443/',
    'safari-web-extension://2e5f3c31-0d1f-4f0e-9e41-4d6c1f6d5a11',
    'file:///',
    '',
  ];
  const refused: readonly string[] = [
    'http://shop.example.com',
    'https://shop.example.com:80',
    'https://shop.example.com:4430',
    'https://shop.example.com..',
    'https://shop.example.com//',
    'https://evil.example/https://shop.example.com',
    'https://shop.example.com@evil.example',
    'https://shop%2eexample.com',
    'https://shop2.example.com',
    'https://x.shop.example.com',
    'https://shop.example.com, https://evil.example',
    'file://evil',
    'capacitor://evil',
    'ionic://',
    'chrome-extension://x',
    'NULL ',
  ];
  for (const [list, status] of [
    [allowed, 201],
    [refused, 403],
  ] as const)
    for (const origin of list)
      it(`is one thing: an event of the origin "${origin}" is answered ${status}`, async () => {
        const body = JSON.stringify({ events: [layersEvent()] });
        const headers = [
          host,
          'X-Storefront-Access-Token: demo-token',
          `Origin: ${origin}`,
          `Content-Length: ${body.length}`,
        ];
        const { text, statuses } = await exchange(gateway.port, {
          bytes: [request('POST /beacon HTTP/1.1', headers, body)],
        });
        if (origin.trim() === 'NULL') return assert.is(statuses[0], 201);
        assert.is(statuses[0], status);
        const told = /^Access-Control-Allow-Origin: (.*)\r$/m.exec(text)?.[1];
        assert.is(told, status === 201 && origin !== '' ? origin : undefined);
      });

  it('and an event of Glood, from a file', async () => {
    const body = '{"event":{"id":"f-1","name":"page_viewed"},"session_id":"s"}';
    const headers = [host, ...gloodHeaders, 'Origin: file://', `Content-Length: ${body.length}`];
    const { statuses } = await exchange(gateway.port, {
      bytes: [request(`POST ${PATHS.glood} HTTP/1.1`, headers, body)],
    });
    assert.is(statuses[0], 200);
  });
});

describe('origins', ({ it }) => {
  const refusedFor = (origin: string): string => {
    try {
      configOf(config(`origins: [${JSON.stringify(origin)}]`));
      return '';
    } catch (error) {
      return String(error);
    }
  };
  for (const origin of [...ORIGINS, 'tauri://localhost', 'ms-appx-web://app', 'content://', 'https://[::1]:3000'])
    it(`may name ${origin}`, () => assert.is(refusedFor(origin), ''));
  for (const origin of [
    'https://',
    'http://',
    'shop.example.com',
    'https://shop.example.com/path',
    'https://a b',
    '*',
    'file:',
    'https://*.example.com',
  ])
    it(`may not name ${origin}`, () =>
      assert.match(refusedFor(origin), /origins\[0\].*must be an origin such as https:\/\/shop\.example\.com/s));
});
