import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { beacon, call, gatewayWith, layersEvent } from '../../support/gateway.ts';
import type { Databases } from '../../support/postgres-databases.ts';
import { sharedPostgres } from '../../support/postgres-shared.ts';

describe('a database larger than its plan', ({ it, before }) => {
  let postgres: Databases;
  before(async () => {
    postgres = await sharedPostgres();
  });

  it('is shown by /readyz and /metrics, and takes events as before', async () => {
    const LOG_URL = await postgres.createDatabase();
    const config = 'shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]';
    const gateway = await gatewayWith(`${config}\n`, { LOG_URL, DATABASE_MAX_BYTES: String(1024 ** 2) });
    try {
      const ready = await call(gateway.port, { method: 'GET', path: '/readyz' });
      assert.is(ready.status, 200);
      assert.match(JSON.parse(ready.body).log.disk, /of DATABASE_MAX_BYTES are left in the database of the log/);
      const { body } = await call(gateway.port, { method: 'GET', path: '/metrics' });
      assert.match(body, /^gateway_disk_level 3$/m);
      assert.match(body, /^gateway_disk_free_bytes -\d+$/m);
      assert.is((await beacon(gateway.port, [layersEvent()])).status, 201);
    } finally {
      await gateway.stop();
    }
  });
});
