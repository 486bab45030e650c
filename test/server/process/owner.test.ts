import { type AddressInfo, createServer as createTcp } from 'node:net';
import * as assert from 'uvu/assert';
import { restartAfter } from '../../../server/process/web-processes.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { hastyBuild } from '../../support/hasty.ts';
import { alive } from '../../support/processes.ts';
import { until } from '../../support/until.ts';
import { openStage, patient, type Stage } from './stage.ts';

describe('the owner of the log and its web processes', ({ it: quick, beforeEach, afterEach }) => {
  const it = patient(quick);
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage({ WEB_CONCURRENCY: '2', LOG_LEVEL: 'debug' });
  });
  afterEach(() => stage.close());
  const run = (env?: Record<string, string>, main?: string) => stage.run(env, main);

  it('leave together: no web process outlives the owner', async () => {
    const gateway = run();
    await gateway.port();
    const webs = gateway.webs();
    assert.is(alive(webs).length, 2);
    gateway.child.kill('SIGKILL');
    await until(() => alive(webs).length === 0);
  });

  it('give up, loudly, when web processes end over and over again', async () => {
    const folder = temporaryFolder();
    const gateway = run({}, hastyBuild(folder.path));
    await gateway.port();
    const killed = new Set<number>();
    const killing = setInterval(() => {
      const newest = gateway.webs().at(-1) ?? 0;
      if (killed.has(newest)) return;
      killed.add(newest);
      process.kill(newest, 'SIGKILL');
    }, 50);
    try {
      assert.is(await gateway.ended, 1);
    } finally {
      clearInterval(killing);
      folder.remove();
    }
    assert.is(killed.size, 5);
    assert.match(gateway.output(), /ended 5 times in a row/);
  });

  it('say once that the port is taken', async () => {
    const other = createTcp();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const gateway = run({ PORT: String(port) });
    assert.is(await gateway.ended, 1);
    assert.is(gateway.output().match(/PORT: must be free, got \d+/g)?.length, 1);
    other.close();
  });

  it('are refused where the log lives in one process', async () => {
    const gateway = run({ PROCESS: 'worker', WEB_CONCURRENCY: '' });
    assert.is(await gateway.ended, 1);
    assert.match(gateway.output(), /PROCESS: must be all if LOG_URL is lmdb:….*WEB_CONCURRENCY/);
  });
});

describe('a process that is replaced', ({ it }) => {
  it('is waited for longer each time, and not for ever', () => {
    assert.equal([1, 2, 3, 4, 5, 6].map(restartAfter), [0, 1000, 2000, 4000, undefined, undefined]);
  });
});
