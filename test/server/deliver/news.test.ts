import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { beacon, call, layersEvent, SHOP } from '../../support/gateway.ts';
import { startMain } from '../../support/main.ts';
import { until } from '../../support/until.ts';

const ADMIN_TOKEN = 'a'.repeat(32);

/** Changes a text wherever it stands in a file, as a disk might. */
function spoil(path: string, text: string): void {
  const bytes = readFileSync(path);
  const file = openSync(path, 'r+');
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) writeSync(file, '#', at);
  closeSync(file);
}

describe('what the owner of the log learns', ({ it, after }) => {
  const folder = temporaryFolder();
  after(() => folder.remove());

  it(
    'is told to web processes that run already',
    async () => {
      writeFileSync(
        join(folder.path, 'gateway.yaml'),
        `{ shops: [{ shop: ${SHOP}, tokens: [demo-token], pipelines: [] }] }`,
      );
      const env = { LOG_URL: 'lmdb:log', GATEWAY_CONFIG: 'gateway.yaml', WEB_CONCURRENCY: '2', ADMIN_TOKEN };
      const gateway = startMain(folder.path, env);
      try {
        const port = await gateway.port();
        const get = (path: string) =>
          call(port, { method: 'GET', path, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
        const unreadable = async () =>
          Promise.all(
            Array.from({ length: 4 }, async () => JSON.parse((await get('/readyz')).body).log.damage?.unreadable),
          );
        assert.is((await beacon(port, [layersEvent({ event_id: 'spoilt-one' })])).status, 201);
        assert.equal(new Set(await unreadable()), new Set([undefined]));
        spoil(join(folder.path, 'log', 'data.mdb'), 'spoilt-one');
        await get('/admin/receipts/spoilt-one');
        await until(async () => (await unreadable()).every((events) => events === 1));
      } finally {
        gateway.signalAll('SIGKILL');
      }
    },
    { timeoutMs: 60_000 },
  );
});
