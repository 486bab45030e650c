import * as assert from 'uvu/assert';
import type { Gateway } from '../server/process/gateway.ts';
import { describe } from './support/describe.ts';
import { beacon, call, configOf, eventsIn, gatewayWith, glood, lanes, layersEvent, SHOP } from './support/gateway.ts';
import { logKinds } from './support/logs.ts';
import { openSink, type Sink } from './support/sink.ts';
import { until } from './support/until.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const config = (url: string, more = '') => `
shops:
  - shop: ${SHOP}
    aliases: [shop.example.com]
    tokens: [demo-token, second-token, 'sha256:1d0bb1e36e6c5bb1c4ba2eb1f3f71bd0f2dd59e83b4e7fe9c7d8bc0e9b3e9a3f']
    serverTokens: [server-token]
    origins: ['https://shop.example.com']
    pipelines:
      - id: hook
        destination: { type: webhook, url: "${url}", secret: "${SECRET}", allowPrivateNetworks: true }
  - shop: other.myshopify.com
    tokens: [other-token]
    successStatus: 204
${more}`;

const gloodEvent = (id: string, fields: object = {}) => ({
  event: { id, name: 'page_viewed' },
  session_id: 's1',
  ...fields,
});

for (const log of logKinds()) {
  describe(`the gateway on ${log.name}`, ({ it, before, after }) => {
    let sink: Sink;
    let gateway: Gateway;
    let port = 0;
    before(async () => {
      await log.start();
      sink = await openSink();
      gateway = await gatewayWith(config(sink.url), { LOG_URL: await log.fresh(), GEO_HEADERS: 'cloudflare' });
      port = gateway.port;
    });
    after(async () => {
      await gateway.stop();
      await sink.close();
      await log.stop();
    });
    const arrived = (id: string) => until(() => sink.events().find(({ event_id }) => event_id === id));

    it('takes the place of a shopper from the edge, and from a server that sends for shoppers what it says', async () => {
      const places = { 'demo-token': 'FR', 'server-token': 'DE' };
      for (const [token, place] of Object.entries(places)) {
        const event = layersEvent({ event_id: `from ${token}`, geo_country: 'DE' });
        await beacon(port, [event], { headers: { 'x-storefront-access-token': token, 'cf-ipcountry': 'FR' } });
        assert.is((await arrived(`from ${token}`)).geo_country, place);
      }
    });

    for (const lane of lanes) {
      it(`answers Layers with 201 and null, and delivers signed (${lane})`, async () => {
        const reply = await beacon(port, [layersEvent({ event_id: `layers-${lane}` })], { lane });
        assert.is(reply.status, 201);
        assert.is(reply.body, 'null');
        assert.is(reply.headers['content-type'], 'application/json');
        assert.is(reply.headers['x-events-accepted'], '1');
        const event = await arrived(`layers-${lane}`);
        assert.is(event.product_id, '7003338965178');
        assert.is(event.shop, SHOP);
        assert.is(event.trust, 'public');
        sink.verify(SECRET);
      });

      it(`answers Glood with 200 and ok, and delivers (${lane})`, async () => {
        const reply = await glood(port, gloodEvent(`glood-${lane}`), { lane });
        assert.equal([reply.status, reply.body], [200, '{"ok":true}']);
        assert.is((await arrived(`glood-${lane}`)).event_type, 'page_view');
      });
    }

    it('gives the same headers on every lane', async () => {
      const replies = await Promise.all(
        lanes.map((lane) =>
          beacon(port, [layersEvent()], {
            lane,
            headers: { origin: 'https://shop.example.com', 'x-request-id': 'abc' },
          }),
        ),
      );
      const headers = replies.map(({ headers: { date: _, vary, ...rest } }) => ({
        ...rest,
        vary: vary?.toLowerCase(),
      }));
      assert.equal(headers[1], headers[0]);
      assert.equal(headers[2], headers[0]);
      assert.ok(replies.every(({ headers }) => headers['x-request-id'] === 'abc'));
      assert.is(headers[0]?.['access-control-allow-origin'], 'https://shop.example.com');
      assert.is(headers[0]?.['access-control-allow-credentials'], 'true');
    });

    it('stores the valid events of a mixed batch, keeps the invalid ones, and says which when asked', async () => {
      const reply = await beacon(
        port,
        [
          layersEvent({ event_id: 'mixed' }),
          layersEvent({ event_id: 'bad', product_id: 'x' }),
          layersEvent({ event_id: 'mixed' }),
        ],
        {
          path: '/beacon?verbose=1',
        },
      );
      assert.is(reply.status, 201);
      const { events } = JSON.parse(reply.body) as {
        events: { verdict: string; event_id: string; reasons?: string[] }[];
      };
      assert.equal(
        events.map(({ verdict, event_id }) => [verdict, event_id]),
        [
          ['accepted', 'mixed'],
          ['rejected', 'bad'],
          ['duplicate', 'mixed'],
        ],
      );
      assert.match(events[1]?.reasons?.[0] ?? '', /events\[1\]\.product_id/);
      const { headers } = reply;
      assert.equal(
        [headers['x-events-accepted'], headers['x-events-rejected'], headers['x-events-duplicate']],
        ['1', '1', '1'],
      );
    });

    it('never makes a second event of a retry', async () => {
      const body = gloodEvent('retried');
      for (let i = 0; i < 4; i++) assert.is((await glood(port, body)).status, 200);
      await arrived('retried');
      await beacon(port, [layersEvent({ event_id: 'after-retries' })]);
      await arrived('after-retries');
      assert.is(sink.events().filter(({ event_id }) => event_id === 'retried').length, 1);
    });

    it('takes every token of a shop, in the query too, and tells server tokens apart', async () => {
      assert.is(
        (await beacon(port, [layersEvent()], { headers: { 'x-storefront-access-token': 'second-token' } })).status,
        201,
      );
      assert.is(
        (await call(port, { path: '/beacon?token=demo-token', body: JSON.stringify({ events: [layersEvent()] }) }))
          .status,
        201,
      );
      await glood(port, gloodEvent('trusted'), { headers: { authorization: 'Bearer server-token' } });
      assert.is((await arrived('trusted')).trust, 'server');
    });

    it('answers 204 without a body to the shop that wants that', async () => {
      const reply = await beacon(port, [layersEvent()], { headers: { 'x-storefront-access-token': 'other-token' } });
      assert.equal([reply.status, reply.body], [204, '']);
    });

    it('answers a preflight with what the SDK sends', async () => {
      const reply = await call(port, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://shop.example.com',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type,x-sdk-client,x-storefront-access-token',
        },
      });
      assert.is(reply.status, 204);
      assert.is(reply.headers['access-control-allow-origin'], 'https://shop.example.com');
      assert.is(reply.headers['access-control-allow-credentials'], 'true');
      assert.match(reply.headers['access-control-allow-headers'] ?? '', /x-sdk-client/);
      assert.is(reply.headers['access-control-max-age'], '7200');
    });

    it('gives a foreign page no preflight where the token tells the shop', async () => {
      const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
      const reply = await call(port, { method: 'OPTIONS', path: '/beacon?token=demo-token', headers });
      assert.is(reply.headers['access-control-allow-origin'], undefined);
      assert.is(reply.status, 403);
      assert.match(reply.body, /does not list the origin https:\/\/evil\.example/);
    });

    it('answers 204 to OPTIONS that is no preflight', async () => {
      const headers = { origin: 'https://shop.example.com' };
      const reply = await call(port, { method: 'OPTIONS', path: '/beacon?token=demo-token', headers });
      assert.is(reply.status, 204);
    });

    it('describes itself: health, readiness, metrics, OpenAPI', async () => {
      assert.is((await call(port, { method: 'GET', path: '/healthz' })).status, 200);
      const ready = await call(port, { method: 'GET', path: '/readyz' });
      assert.is(ready.status, 200);
      assert.equal(JSON.parse(ready.body).log, { durability: log.durability });
      const metrics = (await call(port, { method: 'GET', path: '/metrics' })).body;
      // The first page has all of them: they are not those of the page before.
      for (const known of ['gateway_pipeline_pending', 'gateway_imbalance'])
        assert.match(metrics, `${known}{shop="${SHOP}",pipeline="hook"} 0`);
      assert.match(metrics, /^gateway_pipeline_state\{.*\} 1$/m);
      assert.match(metrics, /gateway_events_total\{shop="demo.myshopify.com",outcome="appended",reason=""\} \d+/);
      assert.match(
        metrics,
        /gateway_pipeline_events_total\{shop="demo.myshopify.com",pipeline="hook",outcome="delivered",reason=""\} \d+/,
      );
      assert.is(JSON.parse((await call(port, { method: 'GET', path: '/openapi.json' })).body).openapi, '3.1.0');
    });
  });

  describe(`a reloaded configuration on ${log.name}`, ({ it, before, after }) => {
    before(log.start);
    after(log.stop);
    it('applies to the next request, and a request in hand is not dropped', async () => {
      const gateway = await gatewayWith(config('http://127.0.0.1:9/'), { LOG_URL: await log.fresh() });
      const { port } = gateway;
      const stop = new AbortController();
      const statuses: number[] = [];
      const load = (async () => {
        while (!stop.signal.aborted) statuses.push((await beacon(port, [layersEvent()])).status);
      })();
      assert.is(
        (await beacon(port, [layersEvent()], { headers: { 'x-storefront-access-token': 'new-token' } })).status,
        401,
      );
      await gateway.reload(
        configOf(config('http://127.0.0.1:9/', '  - shop: new.myshopify.com\n    tokens: [new-token]\n')),
      );
      assert.is(
        (await beacon(port, [layersEvent()], { headers: { 'x-storefront-access-token': 'new-token' } })).status,
        201,
      );
      stop.abort();
      await load;
      assert.ok(statuses.length > 0);
      assert.ok(statuses.every((status) => status === 201));
      await gateway.stop();
    });

    it('leaves unchanged pipelines alone and starts a new one at the head of the log', async () => {
      const first = await openSink();
      const second = await openSink();
      const pipeline = (id: string, url: string) =>
        `      - { id: ${id}, destination: { type: webhook, url: "${url}", secret: "${SECRET}", allowPrivateNetworks: true } }\n`;
      const shop = `shops:\n  - shop: ${SHOP}\n    tokens: [demo-token]\n    pipelines:\n`;
      const gateway = await gatewayWith(shop + pipeline('first', first.url), { LOG_URL: await log.fresh() });
      await beacon(gateway.port, [layersEvent({ event_id: 'one' })]);
      await until(() => first.events().length === 1);
      await gateway.reload(configOf(shop + pipeline('first', first.url) + pipeline('second', second.url)));
      await beacon(gateway.port, [layersEvent({ event_id: 'two' })]);
      await until(() => second.events().length === 1 && first.events().length === 2);
      assert.equal(
        second.requests.flatMap(({ body }) => eventsIn(body)).map(({ event_id }) => event_id),
        ['two'],
      );
      await gateway.stop();
      await Promise.all([first.close(), second.close()]);
    });
  });

  describe(`a destination that hangs, on ${log.name}`, ({ it, before, after }) => {
    before(log.start);
    after(log.stop);
    it('does not slow the others, nor the answers', async () => {
      const [sick, well] = [await openSink(), await openSink()];
      sick.behave({ kind: 'hang' });
      const pipeline = (id: string, url: string) =>
        `      - { id: ${id}, destination: { type: webhook, url: "${url}", secret: "${SECRET}", allowPrivateNetworks: true } }\n`;
      const gateway = await gatewayWith(
        `shops:\n  - shop: ${SHOP}\n    tokens: [demo-token]\n    pipelines:\n${pipeline('sick', sick.url)}${pipeline('well', well.url)}`,
        { LOG_URL: await log.fresh() },
      );
      for (let i = 0; i < 20; i++) assert.is((await beacon(gateway.port, [layersEvent()])).status, 201);
      await until(() => well.events().length === 20);
      assert.is(sick.requests.length, 1);
      await gateway.stop();
      await Promise.all([sick.close(), well.close()]);
    });
  });
}
