import * as assert from 'uvu/assert';
import type { Gateway } from '../../../server/process/gateway.ts';
import { describe } from '../../support/describe.ts';
import { call, gatewayWith } from '../../support/gateway.ts';

describe('an address that takes other methods', ({ it, before, after }) => {
  let gateway: Gateway;
  before(async () => {
    gateway = await gatewayWith('shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]');
  });
  after(() => gateway.stop());

  for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json'])
    it(`says which: ${path}`, async () => {
      for (const method of ['POST', 'PUT', 'DELETE', 'TRACE']) {
        const { status, headers, body } = await call(gateway.port, { method, path });
        assert.is(status, 405);
        assert.is(headers.allow, 'GET, HEAD');
        assert.equal(JSON.parse(body), { error: `ask ${path} with GET, not ${method}` });
      }
    });

  it('is not one that does not exist', async () => {
    const { status, body } = await call(gateway.port, { method: 'POST', path: '/nowhere' });
    assert.is(status, 404);
    assert.match(body, /Nothing here: \/nowhere/);
  });
});
