import * as assert from 'uvu/assert';
import { destinations } from '../../../adapters/destinations/index.ts';
import { ConfigError } from '../../../server/base/errors.ts';
import { describeConfig } from '../../../server/config/describe.ts';
import { acceptedWeak, loadRunnable } from '../../../server/config/durability.ts';
import { type Environment, readSettings } from '../../../server/config/settings.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { SHOP } from '../../support/gateway.ts';
import { startMain } from '../../support/main.ts';
import { runCli } from '../../support/terminal.ts';
import { until } from '../../support/until.ts';

const filed = `shops: [{ shop: ${SHOP}, tokens: [t], pipelines: [{ id: archive, destination: { type: file } }] }]`;
const POSTGRES = 'postgres://localhost/events';

const judged = (env: Environment): string[] => {
  try {
    const found = { kind: 'text', source: filed } as const;
    loadRunnable({ found, settings: readSettings(env), env: {}, destinations });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map((mistake) => mistake.split(': ')[0] ?? '');
  }
};

const FILE = 'shops[0].pipelines[0].destination.type';

describe('what a restart would lose', ({ it }) => {
  it('is refused in production, log and files alike, each with what to do', () => {
    assert.equal(judged({}), []);
    assert.equal(judged({ NODE_ENV: 'production' }), []);
    assert.equal(judged({ NODE_ENV: 'production', LOG_URL: 'memory:' }), ['LOG_URL']);
    assert.equal(judged({ DYNO: 'web.1' }), ['LOG_URL', FILE]);
    assert.equal(judged({ DYNO: 'web.1', LOG_URL: POSTGRES }), [FILE]);
    assert.equal(judged({ DYNO: 'web.1', DOKKU_APP_NAME: 'events' }), []);
    assert.equal(judged({ DYNO: 'web.1', ALLOW_WEAK_DURABILITY: '1' }), []);
  });

  it('is named where it was accepted, by the description too', () => {
    const settings = readSettings({ DYNO: 'web.1', ALLOW_WEAK_DURABILITY: '1' });
    const config = loadRunnable({ found: { kind: 'text', source: filed }, settings, env: {}, destinations });
    assert.is(acceptedWeak(config, settings, 'ephemeral', destinations).length, 2);
    const lines = describeConfig(config, settings, destinations);
    assert.match(lines[0] ?? '', /log lmdb:data\/log \(ephemeral: /);
    assert.match(lines.at(-1) ?? '', /-> file .*\(ephemeral: /);
  });

  for (const [what, env, exit] of [
    ['refused', {}, 1],
    ['accepted loudly', { ALLOW_WEAK_DURABILITY: '1' }, 0],
  ] as const) {
    it(`is ${what} by check, the release and the start alike`, async () => {
      const folder = temporaryFolder();
      const given = { DYNO: 'web.1', GATEWAY_CONFIG: filed, ...env };
      const checked = await runCli(['check'], { env: given });
      assert.is(checked.exit, exit);
      const release = startMain(folder.path, given, 'release.js');
      assert.is(await release.ended, exit);
      const start = startMain(folder.path, given);
      if (exit === 1) assert.is(await start.ended, 1);
      else {
        await until(() => start.lines().filter(({ level, reason }) => level === 'error' && reason).length === 2);
        start.child.kill('SIGTERM');
        assert.is(await start.ended, 0);
      }
      if (exit === 1)
        for (const said of [checked.err, release.output(), start.output()]) {
          assert.match(said, /LOG_URL: must name a log that lasts, got lmdb:data\/log, which here is ephemeral/);
          assert.match(said, /destination\.type: must be one whose events outlast a restart, got file/);
        }
      folder.remove();
    });
  }
});
