import * as assert from 'uvu/assert';
import type { Balance } from '../schemas/admin-api/balance.ts';
import type { PageOf } from '../schemas/admin-api/common.ts';
import type { DeadView } from '../schemas/admin-api/dead-letters.ts';
import type { JobReport } from '../schemas/admin-api/jobs.ts';
import type { PipelineReport } from '../schemas/admin-api/pipelines.ts';
import type { Receipt } from '../schemas/admin-api/receipts.ts';
import type { ReplayJob, ReplayPlan } from '../schemas/admin-api/replays.ts';
import type { Gateway } from '../server/process/gateway.ts';
import { describe } from './support/describe.ts';
import { beacon, call, configOf, gatewayWith, layersEvent, SHOP } from './support/gateway.ts';
import { logKinds } from './support/logs.ts';
import { openSink, type Sink } from './support/sink.ts';
import { until } from './support/until.ts';

const ADMIN_TOKEN = 'a'.repeat(32);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const config = (url: string, { events = '["*"]', custom = '[]' } = {}) => `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    customEvents: ${custom}
    pipelines:
      - id: hook
        events: ${events}
        destination: { type: webhook, url: "${url}", secret: "${SECRET}", allowPrivateNetworks: true, batchSize: 10 }
`;

for (const log of logKinds()) {
  describe(`an operator on ${log.name}`, ({ it, before, after, beforeEach, afterEach }) => {
    before(log.start);
    after(log.stop);
    let sink: Sink;
    let gateway: Gateway;
    let url = '';
    const start = async (text: string) => {
      gateway = await gatewayWith(text, { LOG_URL: url, ADMIN_TOKEN });
    };
    beforeEach(async () => {
      url = await log.fresh();
      sink = await openSink();
      await start(config(sink.url));
    });
    afterEach(async () => {
      await gateway.stop();
      await sink.close();
    });

    async function ask<T>(path: string, order?: object): Promise<T> {
      const reply = await call(gateway.port, {
        method: order ? 'POST' : 'GET',
        path: `/admin${path}`,
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
        ...(order && { body: JSON.stringify(order) }),
      });
      assert.ok(reply.status < 300, `${reply.status} ${reply.body}`);
      return JSON.parse(reply.body) as T;
    }
    const receipt = async (id: string) => (await receipts(id))[0];
    async function receipts(id: string): Promise<Receipt[]> {
      const answer = await ask<Receipt[] | { receipts: Receipt[] }>(`/receipts/${id}`).catch(() => []);
      return Array.isArray(answer) ? answer : answer.receipts;
    }
    const state = async (id: string) => (await receipt(id))?.pipelines?.[0]?.state;

    it('learns what happened to an event: pending, then delivered, with the answer', async () => {
      sink.behave({ kind: 'answer', status: 503 });
      await beacon(gateway.port, [layersEvent({ event_id: 'r1' })]);
      await until(async () => (await state('r1')) === 'pending' && sink.requests.length > 0);
      sink.behave({ kind: 'answer', status: 200 });
      await until(async () => (await state('r1')) === 'delivered');
      const found = await receipt('r1');
      assert.equal(
        [found?.state, found?.dialect, found?.type, found?.position],
        ['stored', 'layers', 'product_view', 1],
      );
      const [pipeline] = found?.pipelines ?? [];
      assert.ok(pipeline?.state === 'delivered' && pipeline.status === 'HTTP 200' && (pipeline.attempts ?? 0) >= 1);
    });

    it('learns that an event was filtered, by the rule in force then', async () => {
      await gateway.reload(configOf(config(sink.url, { events: '["search"]' })));
      await beacon(gateway.port, [layersEvent({ event_id: 'f1' })]);
      await until(async () => (await ask<Balance>('/balance')).pipelines[0]?.pending === 0);
      await gateway.reload(configOf(config(sink.url)));
      await beacon(gateway.port, [layersEvent({ event_id: 'f2' })]);
      await until(async () => (await state('f2')) === 'delivered');
      assert.equal((await receipt('f1'))?.pipelines?.[0], { pipeline: 'hook', state: 'filtered', reason: 'type' });
    });

    it('finds a rejected event among the dead, and redrives it after the fix', async () => {
      sink.behave(({ body }) => ({ kind: 'answer', status: body.includes('"bad"') ? 422 : 200 }));
      await beacon(gateway.port, [layersEvent({ event_id: 'good' }), layersEvent({ event_id: 'bad' })]);
      await until(async () => (await state('bad')) === 'dead', 15_000);
      assert.is(await state('good'), 'delivered');
      const { items } = await ask<PageOf<DeadView>>('/dead?reason=422');
      assert.equal(
        items.map(({ event }) => event.event_id),
        ['bad'],
      );
      sink.behave({ kind: 'answer', status: 200 });
      await ask('/dead/redrive', { pipeline: 'hook' });
      await until(async () => (await state('bad')) === 'delivered');
      const [redriven] = (await receipt('bad'))?.pipelines ?? [];
      assert.is(redriven?.state === 'delivered' && redriven.status, 'HTTP 200');
      assert.is((await ask<PageOf<DeadView>>('/dead')).items.length, 0);
      const { balanced, pipelines } = await ask<Balance>('/balance');
      assert.equal([balanced, pipelines[0]?.delivered, pipelines[0]?.dead], [true, 2, 0]);
    });

    it('discards a dead letter, and its receipt still says what it was', async () => {
      sink.behave({ kind: 'answer', status: 422 });
      await beacon(gateway.port, [layersEvent({ event_id: 'gone' })]);
      await until(async () => (await state('gone')) === 'dead');
      await ask('/dead/discard', { event_id: 'gone' });
      const [told] = (await receipt('gone'))?.pipelines ?? [];
      assert.equal(told?.state, 'dropped');
      assert.match(told?.state === 'dropped' ? told.reason : '', /^discarded at .*HTTP 422/);
      assert.is((await ask<PageOf<DeadView>>('/dead')).items.length, 0);
      assert.ok((await ask<Balance>('/balance')).balanced);
    });

    it('finds and redrives the dead letters of a replay too', async () => {
      await beacon(gateway.port, [layersEvent({ event_id: 'again' })]);
      await until(async () => (await state('again')) === 'delivered');
      sink.behave({ kind: 'answer', status: 422 });
      const { job } = await ask<{ job: ReplayJob }>('/replays', { shop: SHOP, pipeline: 'hook' });
      const [letter] = await until(async () => {
        const { items } = await ask<PageOf<DeadView>>('/dead');
        return items.length > 0 ? items : undefined;
      });
      assert.equal([letter?.pipeline, letter?.event.event_id], [`hook-${job.id}`, 'again']);
      sink.behave({ kind: 'answer', status: 200 });
      const before = sink.events().length;
      await ask('/dead/redrive', { pipeline: `hook-${job.id}` });
      await until(async () => (await ask<PageOf<DeadView>>('/dead')).items.length === 0);
      assert.is(sink.events().length, before + 1);
    });

    it('finds a refused event in quarantine, and redrives it when the shop accepts its type', async () => {
      await beacon(gateway.port, [layersEvent({ event_id: 'q1', event_type: 'wishlist_add' })]);
      const found = await receipt('q1');
      assert.is(found?.state, 'quarantined');
      assert.match(found?.reasons?.[0] ?? '', /wishlist_add/);
      assert.is((await ask<{ refused: number }>('/quarantine/redrive', { event_id: 'q1' })).refused, 1);
      await gateway.reload(configOf(config(sink.url, { custom: '[wishlist_add]' })));
      const { job, ...counts } = await ask<{ job: JobReport }>('/quarantine/redrive', { event_id: 'q1' });
      assert.equal(counts, { accepted: 1, duplicate: 0, refused: 0 });
      assert.is(job.state, 'done');
      await until(async () => (await state('q1')) === 'delivered');
      const { balanced, shops } = await ask<Balance>('/balance');
      assert.ok(balanced);
      assert.equal([shops[0]?.received, shops[0]?.appended], [1, 1]);
    });

    it('counts each event once, however many order redrives and discards at once, of whatever process', async () => {
      const ids = Array.from({ length: 60 }, (_, n) => `w${n}`);
      await beacon(
        gateway.port,
        ids.map((event_id) => layersEvent({ event_id, event_type: 'wishlist_add' })),
      );
      const custom = config(sink.url, { custom: '[wishlist_add]' });
      await gateway.reload(configOf(custom));
      const isShared = url.startsWith('postgres');
      const other = isShared ? await gatewayWith(custom, { LOG_URL: url, ADMIN_TOKEN, PROCESS: 'web' }) : undefined;
      const order = (port: number, action: string) =>
        call(port, {
          method: 'POST',
          path: `/admin/quarantine/${action}`,
          headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
          body: '{"all":true}',
        });
      try {
        const ports = [gateway.port, other?.port ?? gateway.port];
        const replies = await Promise.all(
          ['redrive', 'redrive', 'redrive', 'discard'].map((action, n) => order(ports[n % 2] ?? 0, action)),
        );
        for (const { status, body } of replies) assert.ok(status === 200 || status === 409, body);
      } finally {
        await other?.stop();
      }
      const { balanced, shops } = await ask<Balance>('/balance');
      assert.ok(balanced);
      const { jobs } = await ask<{ jobs: JobReport[] }>('/jobs');
      const total = (name: string) => jobs.reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0);
      assert.is(total('accepted') + total('discarded'), 60);
      assert.is(shops[0]?.appended, total('accepted'));
      assert.is((await call(gateway.port, { method: 'GET', path: '/metrics' })).status, 200);
    });

    it('never gives an id in quarantine to another event, also after a restart', async () => {
      const refuse = async (event_id: string) => {
        await beacon(gateway.port, [layersEvent({ event_id, event_type: 'wishlist_add' })]);
        const found = (await receipt(event_id))?.quarantine_id ?? '';
        assert.is((await ask<{ event_id: string }>(`/quarantine/${found}`)).event_id, event_id);
        return found;
      };
      const first = await refuse('i1');
      assert.is((await ask<{ discarded: number }>('/quarantine/discard', { id: first })).discarded, 1);
      await gateway.stop();
      await start(config(sink.url));
      const second = await refuse('i2');
      assert.not.equal(second, first);
      assert.is((await ask<{ discarded: number }>('/quarantine/discard', { id: first })).discarded, 0);
      assert.is((await receipt('i2'))?.state, 'quarantined');
    });

    it('shows the quarantine of a shop that is not configured any more, and lets it go', async () => {
      await beacon(gateway.port, [layersEvent({ event_id: 'gone' })]);
      await beacon(gateway.port, [layersEvent({ event_id: 'left', event_type: 'wishlist_add' })]);
      const refused = async () => (await ask<{ items: { event_id: string; shop: string }[] }>('/quarantine')).items;
      const before = await refused();
      assert.equal(
        before.map(({ event_id }) => event_id),
        ['left'],
      );
      await gateway.reload(configOf(config(sink.url).replace(SHOP, 'other.myshopify.com')));
      assert.equal(await refused(), before);
      assert.equal((await ask<{ items: unknown[] }>(`/quarantine?shop=${SHOP}`)).items.length, 1);
      assert.is((await receipt('left'))?.state, 'quarantined');
      assert.is((await receipt('gone'))?.state, 'stored');
      // It stays: no shop is there to say what it takes.
      assert.is((await ask<{ refused: number }>('/quarantine/redrive', { shop: SHOP })).refused, 1);
      assert.is((await ask<{ discarded: number }>('/quarantine/discard', { shop: SHOP })).discarded, 1);
      assert.equal(await refused(), []);
    });

    it('suspends a pipeline and resumes it where it was', async () => {
      await ask(`/pipelines/${SHOP}/hook/suspend`, { reason: 'maintenance' });
      await beacon(gateway.port, [layersEvent({ event_id: 's1' })]);
      assert.equal(await state('s1'), 'pending');
      const answer = await ask<PipelineReport[] | { pipelines: PipelineReport[] }>('/pipelines');
      const [report] = Array.isArray(answer) ? answer : answer.pipelines;
      assert.equal([report?.state, report?.reason, report?.pending], ['suspended', 'maintenance', 1]);
      await ask(`/pipelines/${SHOP}/hook/resume`, {});
      await until(async () => (await state('s1')) === 'delivered');
    });

    it('plans a replay, starts it, and it goes on after a restart', async () => {
      await beacon(
        gateway.port,
        Array.from({ length: 50 }, (_, n) => layersEvent({ event_id: `p${n}` })),
      );
      await until(async () => (await state('p49')) === 'delivered');
      const order = { shop: SHOP, pipeline: 'hook' };
      const { plan } = await ask<{ plan: ReplayPlan }>('/replays', { ...order, dry_run: true });
      assert.equal([plan.events, plan.wanted, plan.again, plan.by_type], [50, 50, 50, { product_view: 50 }]);
      const before = sink.events().length;
      sink.behave({ kind: 'answer', status: 503 });
      const { job } = await ask<{ job: ReplayJob }>('/replays', order);
      await gateway.stop();
      sink.behave({ kind: 'answer', status: 200 });
      await start(config(sink.url));
      await until(async () => {
        const answer = await ask<ReplayJob[] | { replays: ReplayJob[] }>('/replays');
        return (Array.isArray(answer) ? answer : answer.replays).some(
          ({ id, state: now, delivered }) => id === job.id && now === 'done' && delivered === 50,
        );
      });
      assert.ok(sink.events().length - before >= 50);
      assert.ok((await ask<Balance>('/balance')).balanced);
    });

    it('without the token learns nothing', async () => {
      for (const authorization of ['', 'Bearer nope']) {
        assert.is(
          (await call(gateway.port, { method: 'GET', path: '/admin/pipelines', headers: { authorization } })).status,
          401,
        );
      }
    });
  });
}
