import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { file } from '../../../adapters/destinations/file/file.ts';
import { LogUnavailable } from '../../../adapters/logs/log.ts';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import type { Config } from '../../../schemas/config.ts';
import { systemClock } from '../../../server/base/clock.ts';
import { createLogger } from '../../../server/base/logger.ts';
import { COMPARED_AT_ONCE, Pipelines } from '../../../server/deliver/pipelines.ts';
import { passedBy } from '../../../server/operate/orphans.ts';
import { record, SHOP, storeOptions } from '../../contracts/log.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { beacon, configOf, gatewayWith, layersEvent } from '../../support/gateway.ts';
import { hastyBuild } from '../../support/hasty.ts';
import { startMain } from '../../support/main.ts';
import { startPostgres } from '../../support/postgres.ts';
import { everyTurn } from '../../support/turns.ts';
import { until } from '../../support/until.ts';

const config = (...directories: string[]) =>
  configOf(`
shops:
  - shop: ${SHOP}
    tokens: [t]
    pipelines:
${directories.map((directory, n) => `      - { id: p${n}, destination: { type: file, directory: ${directory} } }`).join('\n')}`);

/** A destination where nothing listens. */
const hook = (batchSize: number) => `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    pipelines:
      - id: hook
        destination: { type: webhook, url: "http://127.0.0.1:9/", secret: whsec_${'A'.repeat(32)}, allowPrivateNetworks: true, batchSize: ${batchSize} }`;

describe('a new configuration', ({ it }) => {
  it('that finds the log away changes no pipeline, and can be tried again', async () => {
    const store = openMemory(storeOptions());
    let away = false;
    const beginAll: typeof store.state.cursors.beginAll = async (ids) => {
      if (away) throw new LogUnavailable('away');
      await store.state.cursors.beginAll(ids);
    };
    const cursors = new Proxy(store.state.cursors, {
      get: (target, key) => {
        if (key === 'beginAll') return beginAll;
        const value: unknown = Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const sent: string[] = [];
    const telling: typeof file = {
      ...file,
      connect: ({ directory }) => ({
        send: async ({ events }) => {
          sent.push(...events.map(({ event }) => `${directory} ${event.event_id}`));
          return events.map(() => ({ kind: 'delivered' }));
        },
      }),
    };
    const pipelines = new Pipelines({
      store: { ...store, state: { ...store.state, cursors } },
      deliversEvents: true,
      destinations: [telling],
      clock: systemClock,
      random: () => 0,
      logger: createLogger('silent'),
      onFailure: (error) => {
        throw error;
      },
    });
    await pipelines.follow(config('old', 'same'));
    away = true;
    await pipelines.follow(config('new', 'same', 'more')).then(
      () => assert.unreachable('the log was away'),
      (error: unknown) => assert.instance(error, LogUnavailable),
    );
    assert.equal(
      (await pipelines.statuses()).map(({ id }) => id.pipeline),
      ['p0', 'p1'],
    );
    await store.log.append(record(['a']));
    await until(() => sent.length === 2);
    assert.equal(sent.sort(), ['old a', 'same a']);
    await until(async () => passedBy(await store.state.cursors.everyStanding()).get(SHOP) === 1);
    away = false;
    await pipelines.follow(config('new', 'same', 'more'));
    await store.log.append(record(['b']));
    await until(() => sent.length === 5);
    assert.equal(sent.sort(), ['more b', 'new b', 'old a', 'same a', 'same b']);
    await pipelines.stop();
    await store.close();
  });

  it(
    'that finds the log away is taken when the log is back',
    async () => {
      const [folder, postgres] = [temporaryFolder(), await startPostgres({ inMemory: true })];
      const path = join(folder.path, 'gateway.yaml');
      const write = (token: string, pipelines: string) =>
        writeFileSync(path, `{ shops: [{ shop: ${SHOP}, tokens: [${token}], pipelines: [${pipelines}] }] }`);
      write('demo-token', '');
      const env = { LOG_URL: await postgres.createDatabase(), GATEWAY_CONFIG: path };
      const gateway = startMain(folder.path, env, hastyBuild(folder.path));
      try {
        const port = await gateway.port();
        await postgres.kill();
        write('new-token', '{ id: p, destination: { type: file, directory: archive } }');
        await until(() => gateway.output().includes('the new configuration waits for the log'));
        await postgres.start();
        const headers = { 'x-storefront-access-token': 'new-token' };
        await until(async () => (await beacon(port, [layersEvent()], { headers })).status === 201, 20_000);
      } finally {
        gateway.signalAll('SIGKILL');
        await postgres.stop();
        folder.remove();
      }
    },
    { timeoutMs: 90_000 },
  );

  for (const log of ['memory:', 'lmdb:']) {
    it(`that is being taken when the gateway stops starts nothing behind its end (${log})`, async () => {
      const folder = temporaryFolder();
      const gateway = await gatewayWith(hook(1), { LOG_URL: log === 'memory:' ? log : `${log}${folder.path}/log` });
      await beacon(gateway.port, [layersEvent()]);
      const reload = gateway.reload(configOf(hook(2))).then(
        () => 'taken',
        (error: Error) => error.name,
      );
      await gateway.stop();
      assert.is(await reload, 'AbortError');
      // A loop that was left on the closed log would keep this from ever running.
      await new Promise((resolve) => setTimeout(resolve, 50));
      folder.remove();
    });
  }

  it('is compared with the old one a few pipelines at a time, so that others have their turn', async () => {
    let [looks, most] = [0, 0];
    const counted = (): Config => {
      const [shop] = configOf(hook(1)).shops;
      const shops = Array.from({ length: 2000 }, (_, n) => ({
        ...shop,
        shop: `s${n}.myshopify.com`,
        pipelines: [
          Object.defineProperty({ ...shop?.pipelines[0] }, 'trust', {
            enumerable: true,
            get: () => {
              looks += 1;
              return 'any';
            },
          }),
        ],
      }));
      return { shops } as unknown as Config;
    };
    const store = openMemory(storeOptions());
    const tools = { store, deliversEvents: false, destinations: [], clock: systemClock, random: () => 0 };
    const pipelines = new Pipelines({ ...tools, logger: createLogger('silent'), onFailure: () => {} });
    await pipelines.follow(counted());
    looks = 0;
    const stopCounting = everyTurn(() => {
      most = Math.max(most, looks);
      looks = 0;
    });
    await pipelines.follow(counted());
    stopCounting();
    // Each of two is looked at, and once more to see whether it has one.
    assert.ok(most > 0 && most <= COMPARED_AT_ONCE * 4, `${most} looks in one turn`);
    await pipelines.stop();
    await store.close();
  });

  it('that comes after the gateway stopped is not taken', async () => {
    const gateway = await gatewayWith(hook(1));
    await gateway.stop();
    const error = await gateway.reload(configOf(hook(2))).catch((reason: Error) => reason);
    assert.is(error?.name, 'AbortError');
  });
});
