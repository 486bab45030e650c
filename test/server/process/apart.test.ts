import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { beacon, call, layersEvent } from '../../support/gateway.ts';
import { logKinds } from '../../support/logs.ts';
import { until } from '../../support/until.ts';
import { ADMIN_TOKEN, admin, openStage, patient, type Stage } from './stage.ts';

describe('web and worker apart, on PostgreSQL', ({ it: quick, before, after, beforeEach, afterEach }) => {
  const it = patient(quick);
  const [, postgres] = logKinds();
  let stage: Stage;
  before(() => postgres?.start());
  after(() => postgres?.stop());
  beforeEach(async () => {
    stage = await openStage({ LOG_URL: (await postgres?.fresh()) ?? '' });
  });
  afterEach(() => stage.close());
  const run = (env: Record<string, string>) => stage.run(env);

  it('a web process only takes events, and a worker, without a port, delivers them', async () => {
    const web = run({ PROCESS: 'web', WEB_CONCURRENCY: '2' });
    const port = await web.port();
    await beacon(port, [layersEvent({ event_id: 'apart' })]);
    const state = async () =>
      JSON.parse((await call(port, { method: 'GET', path: '/readyz' })).body).pipelines[0].state as string;
    assert.is(await state(), 'unmoved');
    const worker = run({ PROCESS: 'worker', PORT: '', WEB_CONCURRENCY: '2' });
    await until(() => stage.delivered().includes('apart'));
    assert.is(await worker.port(), 0);
    assert.is(worker.webs().length, 0);
    assert.match(worker.output(), /process worker: moves pipelines; others take events; log postgres/);
    assert.not.match(worker.output(), /"port"/);
    await until(async () => (await state()) === 'idle');
    for (const one of [worker, web]) {
      one.signalAll('SIGTERM');
      assert.is(await one.ended, 0);
    }
  });

  it('a worker with a port says how it does, and takes no events', async () => {
    const worker = run({ PROCESS: 'worker', PORT: '0', ADMIN_TOKEN });
    const port = await worker.port();
    for (const path of ['/healthz', '/readyz', '/metrics'])
      assert.is((await call(port, { method: 'GET', path })).status, 200, path);
    for (const refused of [await beacon(port, [layersEvent()]), await admin(port, '/pipelines')]) {
      assert.is(refused.status, 404);
      assert.match(refused.body, /This process takes no events/);
    }
  });
});
