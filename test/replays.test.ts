import * as assert from 'uvu/assert';
import type { ReplayJob } from '../schemas/admin-api/replays.ts';
import type { Gateway } from '../server/process/gateway.ts';
import { adminOf } from './support/admin-of.ts';
import { describe } from './support/describe.ts';
import { beacon, configOf, gatewayWith, layersEvent, SHOP } from './support/gateway.ts';
import { logKinds } from './support/logs.ts';
import { openSink, type Sink } from './support/sink.ts';
import { until } from './support/until.ts';

const ADMIN_TOKEN = 'a'.repeat(32);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const config = (url: string | undefined, events = '["*"]') => `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    pipelines: [${url === undefined ? '' : `{ id: hook, events: ${events}, destination: { type: webhook, url: "${url}", secret: "${SECRET}", allowPrivateNetworks: true } }`}]
`;

for (const log of logKinds()) {
  describe(`a replay on ${log.name}`, ({ it, before, after, beforeEach, afterEach }) => {
    before(log.start);
    after(log.stop);
    let old: Sink;
    let mended: Sink;
    let gateway: Gateway;
    let url = '';
    const start = async (text: string) => {
      gateway = await gatewayWith(text, { LOG_URL: url, ADMIN_TOKEN });
    };
    const { ask } = adminOf(() => gateway.port, ADMIN_TOKEN);
    const only = async (): Promise<ReplayJob | undefined> => {
      const { replays } = await ask<{ replays: ReplayJob[] }>('/replays');
      return replays[0];
    };
    const is = (state: ReplayJob['state']) => until(async () => (await only())?.state === state);

    beforeEach(async () => {
      url = await log.fresh();
      old = await openSink();
      mended = await openSink();
      await start(config(old.url));
      await beacon(gateway.port, [layersEvent({ event_id: 'one' }), layersEvent({ event_type: 'search', query: 'x' })]);
      await until(() => old.events().length === 2);
    });
    afterEach(async () => {
      await gateway.stop();
      await Promise.all([old.close(), mended.close()]);
    });

    /** A replay that waits for its destination. */
    async function stuck(): Promise<void> {
      old.behave({ kind: 'answer', status: 503 });
      const before = old.requests.length;
      await ask('/replays', { shop: SHOP, pipeline: 'hook' });
      await until(() => old.requests.length > before);
    }

    it('goes on with the destination and the filter of a reload', async () => {
      await stuck();
      await gateway.reload(configOf(config(mended.url, '["product_*"]')));
      const sent = old.requests.length;
      await is('done');
      assert.equal(
        mended.events().map(({ event_id }) => event_id),
        ['one'],
      );
      assert.is(old.requests.length, sent, 'nothing goes to the old destination after the reload');
      assert.equal([(await only())?.delivered, (await only())?.filtered], [1, 1]);
    });

    it('stops at once where its pipeline is taken out, says so, and goes on when it is back', async () => {
      await stuck();
      await gateway.reload(configOf(config(undefined)));
      const sent = old.requests.length;
      const { state, reason } = (await only()) ?? {};
      assert.equal([state, reason], ['blocked', 'its pipeline is not configured']);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      assert.is(old.requests.length, sent);
      await gateway.reload(configOf(config(mended.url)));
      await is('done');
      assert.is(mended.events().length, 2);
    });

    it('runs where its pipeline was away at the start and came back', async () => {
      await stuck();
      await gateway.stop();
      await start(config(undefined));
      assert.is((await only())?.state, 'blocked');
      await gateway.reload(configOf(config(mended.url)));
      await is('done');
      assert.is(mended.events().length, 2);
    });

    it('can be cancelled while its pipeline is away', async () => {
      await stuck();
      await gateway.reload(configOf(config(undefined)));
      const { replays } = await ask<{ replays: ReplayJob[] }>('/replays');
      await ask(`/replays/${replays[0]?.id}/cancel`, {});
      assert.is((await only())?.state, 'cancelled');
      await gateway.reload(configOf(config(mended.url)));
      assert.is((await only())?.state, 'cancelled');
    });

    it('is resumed to the destination that is configured now', async () => {
      await stuck();
      old.behave({ kind: 'answer', status: 410 });
      await is('suspended');
      await gateway.reload(configOf(config(mended.url)));
      assert.is((await only())?.state, 'suspended');
      const sent = old.requests.length;
      await ask(`/pipelines/${SHOP}/hook-r1/resume`, {});
      await is('done');
      assert.equal([old.requests.length, mended.events().length], [sent, 2]);
    });

    it('takes its dead letters to the destination that is configured now', async () => {
      old.behave({ kind: 'answer', status: 422 });
      await ask('/replays', { shop: SHOP, pipeline: 'hook' });
      await is('done');
      await gateway.reload(configOf(config(mended.url)));
      await ask('/dead/redrive', { pipeline: 'hook-r1' });
      await until(() => mended.events().length === 2);
    });
  });
}
