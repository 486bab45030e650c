import * as assert from 'uvu/assert';
import type { Balance } from '../schemas/admin-api/balance.ts';
import type { PageOf } from '../schemas/admin-api/common.ts';
import type { DeadView } from '../schemas/admin-api/dead-letters.ts';
import type { PipelineReport } from '../schemas/admin-api/pipelines.ts';
import type { Receipt } from '../schemas/admin-api/receipts.ts';
import type { ReplayJob } from '../schemas/admin-api/replays.ts';
import { createLogger } from '../server/base/logger.ts';
import type { Gateway } from '../server/process/gateway.ts';
import { adminOf } from './support/admin-of.ts';
import { describe } from './support/describe.ts';
import { beacon, call, configOf, gatewayWith, layersEvent, SHOP } from './support/gateway.ts';
import { logKinds } from './support/logs.ts';
import { openSink, type Sink } from './support/sink.ts';
import { until } from './support/until.ts';

const ADMIN_TOKEN = 'a'.repeat(32);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const pipeline = (id: string, { url }: Sink, events = '["*"]') =>
  `{ id: ${id}, events: ${events}, destination: { type: webhook, url: "${url}", secret: "${SECRET}", batchSize: 1, allowPrivateNetworks: true } }`;
const config = (...pipelines: string[]) =>
  `shops: [{ shop: ${SHOP}, tokens: [demo-token], pipelines: [${pipelines.join()}] }]`;
const OTHER_SHOP = 'shops: [{ shop: other.myshopify.com, tokens: [demo-token] }]';

for (const log of logKinds()) {
  describe(`a pipeline that leaves the configuration on ${log.name}`, ({
    it,
    before,
    after,
    beforeEach,
    afterEach,
  }) => {
    before(log.start);
    after(log.stop);
    let old: Sink;
    let fresh: Sink;
    let gateway: Gateway;
    let url = '';
    const lines: { msg: string; pipeline?: string; pending?: number; dead?: number }[] = [];
    const start = async (text: string) => {
      const logger = createLogger('warn', { write: (line) => void lines.push(JSON.parse(line)) });
      gateway = await gatewayWith(text, { LOG_URL: url, ADMIN_TOKEN }, { logger });
    };
    const { ask, reply } = adminOf(() => gateway.port, ADMIN_TOKEN);
    const named = () =>
      lines
        .filter(({ msg }) => msg.startsWith('a pipeline is not configured any more'))
        .map((line) => `${line.pipeline}: ${line.pending} pending, ${line.dead} dead`);
    const reports = async () => (await ask<{ pipelines: PipelineReport[] }>('/pipelines')).pipelines;
    const orphan = async () => (await reports()).find(({ state }) => state === 'orphaned');
    const receipt = async (id: string) => (await ask<{ receipts: Receipt[] }>(`/receipts/${id}`)).receipts[0];
    const stateOf = async (id: string, of = 'old') =>
      (await receipt(id))?.pipelines?.find((one) => one.pipeline === of);
    const page = async (path: string) => (await call(gateway.port, { method: 'GET', path })).body;

    /** `old` owes two events and a dead letter, and is not configured any more. */
    beforeEach(async () => {
      url = await log.fresh();
      [old, fresh] = [await openSink(), await openSink()];
      lines.length = 0;
      await start(config(pipeline('old', old)));
      old.behave({ kind: 'answer', status: 422 });
      await beacon(gateway.port, [layersEvent({ event_id: 'dead' })]);
      await until(async () => (await reports())[0]?.dead === 1);
      old.behave({ kind: 'answer', status: 503 });
      await beacon(gateway.port, [layersEvent({ event_id: 'first' }), layersEvent({ event_id: 'second' })]);
      await until(async () => (await reports())[0]?.pending === 2);
      await gateway.reload(configOf(config(pipeline('new', fresh))));
      await until(() => named().length === 1);
    });
    afterEach(async () => {
      await gateway.stop();
      await Promise.all([old.close(), fresh.close()]);
    });

    it('is named with what it owes, at the reload and at each start', async () => {
      assert.equal(named(), ['old: 2 pending, 1 dead']);
      await gateway.reload(configOf(config(pipeline('new', fresh, '["product_*"]'))));
      await gateway.stop();
      assert.is(named().length, 1, 'it is named once');
      await start(config(pipeline('new', fresh)));
      await until(() => named().length === 2);
      assert.is(named()[1], named()[0]);
    });

    it('is listed and counted, owes nothing of what comes later, and holds nothing back', async () => {
      await beacon(gateway.port, [layersEvent({ event_id: 'later' })]);
      await until(() => fresh.events().length === 1);
      assert.equal([(await orphan())?.pipeline, (await orphan())?.pending, (await orphan())?.dead], ['old', 2, 1]);
      const sums = await ask<Balance>('/balance');
      const { orphaned, appended, pending, difference } = sums.pipelines.find((one) => one.pipeline === 'old') ?? {};
      assert.equal([orphaned, appended, pending, difference, sums.balanced], [true, 3, 2, 0, true]);
      await until(async () => (await page('/metrics')).includes(`state="orphaned"} 1`));
      assert.match(await page('/metrics'), `gateway_pipeline_pending{shop="${SHOP}",pipeline="old"} 2`);
      assert.match(await page('/readyz'), /"pipeline":"old","state":"orphaned","since":"[^}]*"pending":2/);
      assert.is((await ask<PageOf<DeadView>>('/dead')).items[0]?.pipeline, 'old');
      const first = await stateOf('first');
      assert.ok(first?.state === 'pending');
      assert.equal(
        [first.behind, first.standing.state, first.standing.reason],
        [0, 'orphaned', 'it is not configured'],
      );
      assert.ok(first.standing.since, 'since when');
      assert.is((await stateOf('dead'))?.state, 'dead');
      assert.is(await stateOf('later'), undefined);
    });

    it('stays in sight where its whole shop has left', async () => {
      await gateway.reload(configOf(OTHER_SHOP));
      assert.is((await orphan())?.pending, 2);
      const { shops, balanced } = await ask<Balance>('/balance');
      assert.equal([shops.map(({ shop }) => shop).sort(), balanced], [[SHOP, 'other.myshopify.com'], true]);
      assert.is((await stateOf('first'))?.state, 'pending');
      assert.is((await ask<PageOf<DeadView>>('/dead')).items.length, 1);
    });

    it('goes on from where it was when it is back', async () => {
      await beacon(gateway.port, [layersEvent({ event_id: 'later' })]);
      old.behave({ kind: 'answer', status: 200 });
      const before = old.events().length;
      await gateway.reload(configOf(config(pipeline('old', old))));
      await until(() => old.events().length >= before + 3);
      await until(async () => (await reports()).find((one) => one.pipeline === 'old')?.pending === 0);
      assert.equal(
        old
          .events()
          .slice(-3)
          .map(({ event_id }) => event_id),
        ['first', 'second', 'later'],
      );
      assert.ok((await ask<Balance>('/balance')).balanced);
    });

    it('is adopted: another pipeline of the shop delivers what it owes, and its dead letters', async () => {
      const { job } = await ask<{ job: ReplayJob }>(`/pipelines/${SHOP}/old/adopt`, { as: 'new' });
      assert.equal([job.adopts, job.pipeline, job.from, job.to], ['old', 'new', 2, 3]);
      await until(async () => (await ask<{ replays: ReplayJob[] }>('/replays')).replays[0]?.state === 'done');
      assert.equal(
        fresh.events().map(({ event_id }) => event_id),
        ['first', 'second'],
      );
      assert.equal([(await stateOf('first'))?.state, (await orphan())?.pending], ['delivered', 0]);
      await ask('/dead/redrive', { pipeline: 'old' });
      await until(async () => (await stateOf('dead'))?.state === 'delivered');
      assert.is(await orphan(), undefined, 'it owes nothing any more');
      assert.ok((await ask<Balance>('/balance')).balanced);
      assert.is((await reply(`/pipelines/${SHOP}/old/adopt`, { as: 'new' })).status, 404);
    });

    it('is adopted across a restart, and once at a time', async () => {
      fresh.behave({ kind: 'answer', status: 503 });
      await ask(`/pipelines/${SHOP}/old/adopt`, { as: 'new' });
      assert.match((await orphan())?.reason ?? '', 'replay r1 delivers it to new');
      for (const [path, order] of [
        ['adopt', { as: 'new' }],
        ['discard', { confirm: true }],
      ] as const) {
        const refused = await reply(`/pipelines/${SHOP}/old/${path}`, order);
        assert.equal([refused.status, /replay r1/.test(refused.body)], [400, true]);
      }
      await gateway.stop();
      fresh.behave({ kind: 'answer', status: 200 });
      await start(config(pipeline('new', fresh)));
      await until(async () => (await ask<{ replays: ReplayJob[] }>('/replays')).replays[0]?.state === 'done');
      assert.is((await stateOf('second'))?.state, 'delivered');
    });

    it('delivers for itself where it is configured again while it is adopted', async () => {
      fresh.behave({ kind: 'answer', status: 503 });
      await ask(`/pipelines/${SHOP}/old/adopt`, { as: 'new' });
      old.behave({ kind: 'answer', status: 200 });
      await gateway.reload(configOf(config(pipeline('new', fresh), pipeline('old', old))));
      await until(async () => (await stateOf('second'))?.state === 'delivered');
      const [job] = (await ask<{ replays: ReplayJob[] }>('/replays')).replays;
      assert.equal([job?.state, job?.reason], ['blocked', 'old is configured again']);
    });

    it('is discarded, with a word of confirmation, and receipts say so', async () => {
      const discard = `/pipelines/${SHOP}/old/discard`;
      assert.is((await reply(discard, {})).status, 400);
      assert.equal(await ask(discard, { confirm: true }), { pending: 2, dead: 1 });
      assert.is(await orphan(), undefined);
      for (const id of ['first', 'dead']) {
        const told = await stateOf(id);
        assert.match(told?.state === 'dropped' ? told.reason : String(told?.state), /^discarded at 20/);
      }
      const before = old.requests.length;
      await gateway.reload(configOf(config(pipeline('old', old))));
      await beacon(gateway.port, [layersEvent({ event_id: 'anew' })]);
      await until(() => old.requests.length > before);
      assert.equal(old.events().at(-1)?.event_id, 'anew', 'it begins as a new one');
      const sums = await ask<Balance>('/balance');
      const { dropped } = sums.pipelines.find((one) => one.pipeline === 'old') ?? {};
      assert.equal([dropped, sums.balanced], [{ discarded: 2 }, true]);
    });

    it('cannot be adopted or discarded where there is nothing to decide', async () => {
      const status = async (path: string, order: object) => (await reply(`/pipelines/${SHOP}/${path}`, order)).status;
      assert.is(await status('new/discard', { confirm: true }), 400);
      assert.is(await status('nobody/discard', { confirm: true }), 404);
      assert.is(await status('old/adopt', { as: 'nobody' }), 404);
    });
  });
}
