import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { exchange, host, request } from '../../hostile/wire.ts';
import { ADMIN_TOKEN } from '../../support/admin.ts';
import { describe } from '../../support/describe.ts';
import { call, gatewayWith, SHOP } from '../../support/gateway.ts';

const config = `{ shops: [{ shop: ${SHOP}, tokens: [demo-token], pipelines: [] }] }`;
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

describe('the root', ({ it }) => {
  it('says name, version and where to go next, and nothing else', async () => {
    const gateway = await gatewayWith(config, { ADMIN_TOKEN });
    try {
      for (const path of ['/', '//', '/?', 'http://gateway.example.com/', 'http://gateway.example.com']) {
        const { status, headers, body } = await call(gateway.port, { method: 'GET', path });
        assert.is(status, 200, path);
        assert.match(headers['content-type'] ?? '', /^application\/json/);
        assert.equal(JSON.parse(body), {
          name: 'headless-events',
          version,
          events: ['POST /beacon', 'POST /api/storefront/v3/headless/events', 'POST /webhooks/tapcart'],
          description: '/openapi.json',
          alive: '/healthz',
          ready: '/readyz',
          metrics: '/metrics',
        });
        assert.not.match(body, new RegExp(`${SHOP}|demo-token|${ADMIN_TOKEN}`));
      }
      const next = ['/openapi.json', '/healthz', '/readyz', '/metrics'];
      for (const path of next) assert.is((await call(gateway.port, { method: 'GET', path })).status, 200);
      const head = await exchange(gateway.port, { bytes: [request('HEAD / HTTP/1.0', [])], end: true });
      assert.match(head.text, /^HTTP\/1.1 200 OK\r\n(.*\r\n)*Content-Length: [1-9]\d*\r\n(.*\r\n)*\r\n$/);
      const { statuses } = await exchange(gateway.port, {
        bytes: [request('POST / HTTP/1.1', [host, 'Content-Length: 0'])],
      });
      assert.is(statuses[0], 405);
    } finally {
      await gateway.stop();
    }
  });
});
