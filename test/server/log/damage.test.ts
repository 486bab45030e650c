import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { createDamageRecord } from '../../../server/log/damage.ts';
import { damageFile, fileDamages } from '../../support/damage.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { beacon, call, gatewayWith, layersEvent, SHOP } from '../../support/gateway.ts';

const config = `{ shops: [{ shop: ${SHOP}, tokens: [demo-token], pipelines: [] }] }`;

describe('damage of the log', ({ it, after }) => {
  const home = temporaryFolder();
  after(() => home.remove());

  it('is noted once for each place, however often it is read', () => {
    let now = 5;
    const book = createDamageRecord(() => now);
    assert.is(book.damage(), undefined);
    book.unreadable('a', 1, 10);
    now = 6;
    book.unreadable('a', 1, 10);
    book.unreadable('b', 1, 1);
    book.found({ reason: 'gone' });
    assert.equal(book.damage(), { since: 5, found: [{ reason: 'gone' }], unreadable: 11 });
  });

  it('is told by a gateway that is ready all the same, with where it lies and what was kept', async () => {
    const folder = join(home.path, 'log');
    const env = { LOG_URL: `lmdb:${folder}` };
    const before = await gatewayWith(config, env);
    await beacon(before.port, [layersEvent(), layersEvent()]);
    const ready = await call(before.port, { method: 'GET', path: '/readyz' });
    assert.is(JSON.parse(ready.body).log.damage, undefined);
    await before.stop();

    const damage = fileDamages['begins with noise'];
    if (damage) damageFile(folder, damage, () => 7);
    const gateway = await gatewayWith(config, env);
    try {
      const { status, body } = await call(gateway.port, { method: 'GET', path: '/readyz' });
      assert.is(status, 200);
      const [found] = JSON.parse(body).log.damage.found;
      assert.match(JSON.parse(body).log.damage.since, /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/);
      assert.is(found.events, 2);
      assert.match(found.aside, /damaged/);
      const metrics = await call(gateway.port, { method: 'GET', path: '/metrics' });
      assert.match(metrics.body, /^gateway_log_damaged_files 1$/m);
      assert.match(metrics.body, /^gateway_log_damaged_since_seconds [1-9]/m);
      assert.match(metrics.body, /^gateway_disk_level [1-4]$/m);
      assert.is((await beacon(gateway.port, [layersEvent()])).status, 201);
    } finally {
      await gateway.stop();
    }
  });
});
