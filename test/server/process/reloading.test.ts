import { EventEmitter } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Config } from '../../../schemas/config.ts';
import { createLogger } from '../../../server/base/logger.ts';
import { watchReloads } from '../../../server/process/reloading.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { beacon, configOf, layersEvent, SHOP } from '../../support/gateway.ts';
import { hastyBuild } from '../../support/hasty.ts';
import { startMain } from '../../support/main.ts';
import { until } from '../../support/until.ts';

const text = (token: string): string => `shops: [{ shop: ${SHOP}, tokens: [${token}], pipelines: [] }]`;
const logger = createLogger('silent');

describe('what changes while the gateway starts', ({ it, beforeEach, afterEach }) => {
  let folder = temporaryFolder();
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => folder.remove());

  const taken: Config[] = [];
  const gateway = { reload: async (config: Config) => void taken.push(config), reloadRefused: () => {} };
  const load = async () => configOf(text('t'));

  it('is taken as soon as it has started: the file', async () => {
    const path = join(folder.path, 'gateway.yaml');
    writeFileSync(path, text('old'));
    // The watcher's own looks come far too late here.
    const reloading = watchReloads({ kind: 'file', source: path }, new EventEmitter(), { intervalMs: 60_000 });
    writeFileSync(path, text('new'));
    taken.length = 0;
    reloading.follow(gateway, load, logger);
    await until(() => taken.length === 1);
  });

  it('is taken as soon as it has started: a signal', async () => {
    const signals = new EventEmitter();
    const reloading = watchReloads({ kind: 'text', source: text('t') }, signals);
    signals.emit('SIGHUP');
    taken.length = 0;
    reloading.follow(gateway, load, logger);
    await until(() => taken.length === 1);
  });

  it('is nothing where nothing changed', async () => {
    const path = join(folder.path, 'gateway.yaml');
    writeFileSync(path, text('old'));
    taken.length = 0;
    watchReloads({ kind: 'file', source: path }, new EventEmitter(), { intervalMs: 60_000 }).follow(
      gateway,
      load,
      logger,
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.is(taken.length, 0);
  });
});

describe('a web process that is being replaced', ({ it, afterEach }) => {
  const folder = temporaryFolder();
  const all: ReturnType<typeof startMain>[] = [];
  afterEach(() => {
    for (const started of all.splice(0)) started.signalAll('SIGKILL');
    folder.remove();
  });

  it(
    'keeps no reload waiting, and starts with the newest configuration',
    async () => {
      const path = join(folder.path, 'gateway.yaml');
      writeFileSync(path, text('token-0'));
      const gateway = startMain(folder.path, { GATEWAY_CONFIG: path, WEB_CONCURRENCY: '2' }, hastyBuild(folder.path));
      all.push(gateway);
      const port = await gateway.port();
      const reloads = () => gateway.lines().filter(({ msg }) => msg === 'configuration reloaded').length;
      for (let round = 1; round <= 3; round++) {
        const before = reloads();
        process.kill(gateway.webs().at(-1) ?? 0, 'SIGKILL');
        // The next one has been started and loads its code.
        await until(() => gateway.lines().filter(({ msg }) => msg === 'a web process ended').length === round);
        await new Promise((resolve) => setTimeout(resolve, 50 * round));
        writeFileSync(path, text(`token-${round}`));
        process.kill(Number(gateway.child.pid), 'SIGHUP');
        await until(() => reloads() > before, 30_000);
        await until(() => gateway.webs().length === 2 + round, 30_000);
        for (let n = 0; n < 8; n++) {
          const headers = { 'x-storefront-access-token': `token-${round}` };
          assert.is((await beacon(port, [layersEvent()], { headers })).status, 201);
        }
      }
      gateway.child.kill('SIGTERM');
      assert.is(await gateway.ended, 0);
    },
    { timeoutMs: 120_000 },
  );

  it(
    'does not keep the gateway from stopping',
    async () => {
      const other = temporaryFolder();
      const gateway = startMain(other.path, { WEB_CONCURRENCY: '2', DRAIN_SECONDS: '600' });
      all.push(gateway);
      await gateway.port();
      process.kill(gateway.webs().at(-1) ?? 0, 'SIGKILL');
      await until(() => gateway.lines().some(({ msg }) => msg === 'a web process ended'));
      gateway.child.kill('SIGTERM');
      assert.is(await gateway.ended, 0);
      other.remove();
    },
    { timeoutMs: 60_000 },
  );
});
