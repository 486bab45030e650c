import * as assert from 'uvu/assert';
import type { Gateway } from '../../../server/process/gateway.ts';
import { exchange, host, request } from '../../hostile/wire.ts';
import { describe } from '../../support/describe.ts';
import { gatewayWith, layersEvent, SHOP } from '../../support/gateway.ts';

const ADMIN_TOKEN = 'a'.repeat(32);
const config = `
shops:
  - shop: ${SHOP}
    tokens: ['demo-token', 'Zm9v+YmFy/w==', '+both+', 'twin', 'blank+']
`;
const layers = () => JSON.stringify({ events: [layersEvent()] });
const glood = () => JSON.stringify({ event: { id: `g-${Math.random()}`, name: 'page_viewed' }, session_id: 's' });

describe('an address', ({ it, before, after }) => {
  let gateway: Gateway;
  before(async () => {
    gateway = await gatewayWith(config, { ADMIN_TOKEN });
  });
  after(() => gateway.stop());

  async function statusOf(first: string, headers: readonly string[] = [], body = ''): Promise<number | undefined> {
    const length = `Content-Length: ${Buffer.byteLength(body)}`;
    const bytes = request(first, [host, ...headers, length], body);
    const { statuses } = await exchange(gateway.port, { bytes: [bytes] });
    assert.is(statuses.length, 1);
    return statuses[0];
  }
  const token = 'X-Storefront-Access-Token: demo-token';

  for (const path of [
    '/beacon',
    '//beacon',
    '/beacon/',
    '/beacon//',
    '///beacon///',
    '/beac%6Fn',
    '/%62eacon',
    '//beacon/?a=b',
    '/beacon#',
    'http://gateway.example.com/beacon',
    'HTTPS://Gateway.example.com:443//beacon/',
    'http://[::1]:3000/beacon',
  ])
    it(`${path} takes Layers events`, async () => {
      assert.is(await statusOf(`POST ${path} HTTP/1.1`, [token], layers()), 201);
    });

  for (const path of ['//api/storefront/v3//headless/events/', '/api/storefront/v3/headless/%65vents'])
    it(`${path} takes Glood events`, async () => {
      const headers = ['Authorization: Bearer demo-token', `X-Shop: ${SHOP}`];
      assert.is(await statusOf(`POST ${path} HTTP/1.1`, headers, glood()), 200);
    });

  it('of the init, of Tapcart and of the health checks may have them as well', async () => {
    const headers = ['Authorization: Bearer demo-token', `X-Shop: ${SHOP}`];
    assert.is(await statusOf('POST //api/storefront/v3/headless/init/ HTTP/1.1', headers, '{}'), 200);
    assert.is(await statusOf('POST //webhooks//tapcart/?token=demo-token HTTP/1.1', [], '{}'), 422);
    for (const path of ['//healthz', '/readyz/', '//metrics//', '/openapi.json/', 'http://x/%68ealthz/'])
      assert.is(await statusOf(`GET ${path} HTTP/1.1`), 200, path);
    assert.is(
      await statusOf('OPTIONS //beacon/ HTTP/1.1', [
        'Origin: https://a.example',
        'Access-Control-Request-Method: POST',
      ]),
      204,
    );
    assert.is(await statusOf('PUT //beacon/ HTTP/1.1'), 405);
  });

  for (const path of [
    '/beacon/.',
    '/./beacon',
    '/beacon%2f',
    '/bea%63%6fn%20',
    '/beacon/x',
    '/BEACON',
    '/beac%256Fn',
    '/b\\eacon',
  ])
    it(`${path} is another one`, async () => {
      assert.is(await statusOf(`POST ${path} HTTP/1.1`, [token], layers()), 404);
    });

  for (const path of [
    '//admin/dead',
    '/admin/dead/',
    '//admin//dead',
    '/%61dmin/dead',
    '/beacon/%2e%2e/admin/dead',
    '/admin',
  ])
    it(`${path} leads to nothing of the admin API, whoever asks`, async () => {
      assert.is(await statusOf(`GET ${path} HTTP/1.1`), path.startsWith('/admin') ? 401 : 404);
      assert.is(await statusOf(`GET ${path} HTTP/1.1`, [`Authorization: Bearer ${ADMIN_TOKEN}`]), 404);
    });

  it('in full form leads to the admin API only with its token', async () => {
    assert.is(await statusOf('GET http://x/admin/dead HTTP/1.1'), 401);
    assert.is(await statusOf('GET http://x/admin/dead HTTP/1.1', [`Authorization: Bearer ${ADMIN_TOKEN}`]), 200);
  });

  const queries: readonly [query: string, status: number][] = [
    ['token=Zm9v+YmFy/w==', 201],
    ['token=Zm9v%20YmFy/w==', 201],
    ['token=Zm9v%2BYmFy%2Fw%3D%3D', 201],
    ['token=+both+', 201],
    ['token=blank+', 201],
    ['token=blank+%0d%0a', 201],
    ['token=demo-token%0d%0a', 201],
    ['token=+demo-token', 201],
    ['token=&token=demo-token', 201],
    ['token=demo-token&token=twin', 201],
    ['token=unknown&token=demo-token', 401],
    ['token=%', 401],
    ['token=%zz%', 401],
    ['token=%ff', 401],
    ['token[]=demo-token', 401],
    ['token=demo token', 400],
    ['token', 401],
    ['=&&=&token=demo-token', 201],
    ['?token=demo-token', 201],
  ];
  for (const [query, status] of queries)
    it(`with ?${query} is answered ${status}`, async () => {
      assert.is(await statusOf(`POST /beacon?${query} HTTP/1.1`, [], layers()), status);
    });

  it('has a query of its own for Tapcart, read in the same way', async () => {
    const event = JSON.stringify({ event: 'search', mp_metadata: { mp_event_id: 't-1' } });
    assert.is(await statusOf('POST /webhooks/tapcart?token=Zm9v+YmFy/w== HTTP/1.1', [], event), 200);
  });

  it('is never answered with another place to go', async () => {
    for (const path of ['//beacon/', '/beacon', '/BEACON', '/'])
      for (const method of ['POST', 'GET', 'HEAD', 'OPTIONS']) {
        const status = (await statusOf(`${method} ${path} HTTP/1.1`, [token], method === 'POST' ? layers() : '')) ?? 0;
        assert.ok(status < 300 || status >= 400, `${method} ${path}: ${status}`);
      }
  });
});
