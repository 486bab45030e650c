import * as assert from 'uvu/assert';
import type { Receipt } from '../schemas/admin-api/receipts.ts';
import type { Event } from '../schemas/event.ts';
import type { Gateway } from '../server/process/gateway.ts';
import { describe } from './support/describe.ts';
import { beacon, call, gatewayWith, glood, layersEvent, SHOP } from './support/gateway.ts';
import { logKinds } from './support/logs.ts';
import { openSink, type Sink } from './support/sink.ts';
import { until } from './support/until.ts';

const ADMIN_TOKEN = 'a'.repeat(32);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const configWith = (url: string) => `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    pipelines:
      - id: all
        events: ["*"]
        destination: { type: webhook, url: "${url}", secret: "${SECRET}", allowPrivateNetworks: true }
      - id: ads
        events: ["*"]
        consent: [marketing]
        whenUnknown: send
        destination: { type: webhook, url: "${url}/ads", secret: "${SECRET}", allowPrivateNetworks: true }
`;

for (const log of logKinds()) {
  describe(`what clients send, on ${log.name}`, ({ it, before, after, beforeEach, afterEach }) => {
    before(log.start);
    after(log.stop);
    let sink: Sink;
    let gateway: Gateway;
    beforeEach(async () => {
      sink = await openSink();
      gateway = await gatewayWith(configWith(sink.url), { LOG_URL: await log.fresh(), ADMIN_TOKEN });
    });
    afterEach(async () => {
      await gateway.stop();
      await sink.close();
    });

    const ask = async <T>(path: string): Promise<T> => {
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
      return JSON.parse((await call(gateway.port, { method: 'GET', path, headers })).body) as T;
    };
    const metrics = async () => (await call(gateway.port, { method: 'GET', path: '/metrics' })).body;
    /** Ids and verdicts of one request. */
    const sent = async (...events: readonly object[]): Promise<string[]> => {
      const { body } = await beacon(gateway.port, events, { path: '/beacon?verbose=1' });
      const told = JSON.parse(body) as { events: { event_id: string; verdict: string }[] };
      return told.events.map(({ event_id, verdict }) => `${verdict} ${event_id}`);
    };
    const arrived = async (count: number): Promise<Event[]> => {
      const events = () =>
        sink.requests
          .filter(({ path }) => !path.endsWith('/ads'))
          .flatMap(({ body }) => (JSON.parse(body) as { data: { events: Event[] } }).data.events);
      await until(() => events().length >= count);
      return events();
    };
    const counted = async (field: string, reason: string, dialect = 'layers'): Promise<number> => {
      const labels = `shop="${SHOP}",dialect="${dialect}",field="${field}",reason="${reason}"`;
      const name = `gateway_replaced_values_total{${labels}} `;
      const line = (await metrics()).split('\n').find((one) => one.startsWith(name));
      return Number(line?.slice(name.length) ?? 0);
    };

    it('loses neither of two events that come with one id, and takes a resend of either for a duplicate', async () => {
      const first = layersEvent({ event_id: 'e', session_id: 's1', device_id: 'd1' });
      const type = { ...first, event_type: 'add_to_cart' };
      const stranger = { ...first, session_id: 's2', device_id: 'd2' };
      const moved = { ...first, session_id: 's2' };
      assert.equal(await sent(first), ['accepted e']);
      const [other] = await sent(type);
      assert.match(other ?? '', /^accepted e~[0-9a-f]{8}$/);
      const [third] = await sent(stranger);
      assert.match(third ?? '', /^accepted e~[0-9a-f]{8}$/);
      assert.is.not(third, other);
      const repeats = [other, third].map((told) => told?.replace('accepted', 'duplicate'));
      assert.equal(await sent(first, type, stranger, moved), ['duplicate e', ...repeats, 'duplicate e']);
      const events = await arrived(3);
      assert.equal(
        events.map(({ event_id, id_source, sent_id }) => [event_id, id_source, sent_id]),
        [
          ['e', 'client', undefined],
          [other?.split(' ')[1], 'reused', 'e'],
          [third?.split(' ')[1], 'reused', 'e'],
        ],
      );
      assert.is(await counted('event_id', 'reused'), 2);
      const told = await ask<{ receipts: Receipt[] }>(
        `/admin/receipts/${encodeURIComponent(events[1]?.event_id ?? '')}`,
      );
      assert.is(JSON.stringify(told).includes('reused'), true);
    });

    it('loses no event whose id is none, and takes its resend for a duplicate', async () => {
      const [one, two] = [7003338965178, 7003338965179].map((product_id) =>
        layersEvent({ event_id: 'undefined', product_id }),
      ) as [object, object];
      const ids = await sent(one, two);
      for (const told of ids) assert.match(told, /^accepted [0-9a-f]{32}$/);
      assert.is.not(ids[0], ids[1]);
      assert.equal(
        await sent(one, two),
        ids.map((told) => told.replace('accepted', 'duplicate')),
      );
      const events = await arrived(2);
      assert.equal(
        events.map(({ id_source, extra }) => [id_source, extra]),
        [1, 2].map(() => ['derived', { event_id: 'undefined' }]),
      );
      assert.is(await counted('event_id', 'placeholder'), 4);
    });

    it('keeps events whose clock is wrong, and counts why', async () => {
      const times = [
        1780315200000000,
        'product 7',
        '1999-01-01T00:00:00Z',
        '2100-01-01T00:00:00Z',
        '2026-06-01T12:00:00Z',
      ];
      const { headers } = await beacon(
        gateway.port,
        times.map((timestamp) => layersEvent({ timestamp })),
      );
      assert.is(headers['x-events-accepted'], '5');
      const events = await arrived(5);
      assert.equal(
        events.map(({ timestamp_source, extra }) => [timestamp_source, extra?.timestamp]),
        times.map((time, i) => (i === 4 ? ['client', undefined] : ['received', time])),
      );
      for (const event of events.slice(0, 4)) assert.is(event.timestamp, event.received_at);
      for (const reason of ['digits', 'unreadable', 'too_early', 'too_late'])
        assert.is(await counted('timestamp', reason), 1, reason);
    });

    it('takes what is not clearly a yes for a no, and says what was not understood', async () => {
      const viewed = (id: string, customer_privacy: object) => ({
        event: { id, name: 'page_viewed' },
        session_id: 's1',
        customer_privacy,
      });
      await glood(gateway.port, viewed('unclear', { marketing: 'perhaps' }));
      await glood(gateway.port, viewed('no', { marketing: 'denied' }));
      await glood(gateway.port, viewed('yes', { marketing: 'GRANTED' }));
      const line = (reason: string) =>
        `gateway_pipeline_events_total{shop="${SHOP}",pipeline="ads",outcome="filtered",reason="${reason}"} 1`;
      await until(async () => (await metrics()).includes(line('consent_denied')));
      assert.ok((await metrics()).includes(line('consent_unclear')));
      const inPipelines = JSON.stringify(await ask('/admin/pipelines'));
      assert.match(inPipelines, /"consent_unclear":1/);
      const receipt = JSON.stringify(await ask('/admin/receipts/unclear'));
      assert.ok(receipt.includes('consent_unclear (marketing: \\"perhaps\\")'), receipt);
      const ads = await until(() => sink.requests.find(({ path }) => path.endsWith('/ads')));
      assert.match(ads.body, /"yes"/);
      assert.not(
        sink.requests.some(({ path, body }) => path.endsWith('/ads') && /"unclear"|"event_id":"no"/.test(body)),
      );
    });

    it('takes a text for no session, device or customer where it stands for none', async () => {
      const body = {
        event: { id: '', name: 'page_viewed' },
        session_id: '',
        client_id: '00000000-0000-0000-0000-000000000000',
        customer_id: 'gid://shopify/Customer/undefined',
        user_id: 'null',
      };
      assert.is((await glood(gateway.port, body)).status, 200);
      const [event] = await arrived(1);
      const { session_id, device_id, user_id, customer_id, extra, id_source } = event ?? ({} as Event);
      assert.equal([session_id, device_id, user_id, customer_id, id_source], [...Array(4).fill(undefined), 'derived']);
      const { client_id, ...rest } = body;
      assert.equal(extra, { client_id, customer_id: rest.customer_id, user_id: 'null' });
      for (const field of ['device_id', 'user_id', 'customer_id'])
        assert.is(await counted(field, 'placeholder', 'glood'), 1);
    });
  });
}
