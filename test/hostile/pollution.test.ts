import * as assert from 'uvu/assert';
import type { Gateway } from '../../server/process/gateway.ts';
import { describe } from '../support/describe.ts';
import { call, gatewayWith, SHOP } from '../support/gateway.ts';
import { openSink, type Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const reach = '{"polluted":true,"toString":"x","status":200,"trust":"server","allowShopHeaderOnly":true}';

/** Keys that reach for what all objects share, as JSON text: an object literal would apply the first of them. */
const keys = [
  '"__proto__"',
  '"\\u005f\\u005fproto\\u005f\\u005f"',
  '"constructor"',
  '"prototype"',
  '"__defineGetter__"',
  '"__defineSetter__"',
  '"__lookupGetter__"',
  '"hasOwnProperty"',
  '"toString"',
  '"valueOf"',
  '"toJSON"',
  '"then"',
];
const nests: readonly ((key: string) => string)[] = [
  (key) => `${key}:${reach}`,
  (key) => `${key}:{"prototype":${reach}}`,
  (key) => `${key}:{${key}:${reach}}`,
  (key) => `"a":{${key}:{"prototype":{${key}:${reach}}}}`,
];

/** Where each contract takes an object of the client's. */
const places: readonly { path: string; body: (json: string, id: string) => string }[] = [
  {
    path: '/beacon',
    body: (json, id) =>
      `{${json},"events":[{${json},"event_id":"${id}","event_type":"search","timestamp":"2026-06-01","session_id":"s","query":"q"}]}`,
  },
  {
    path: '/beacon',
    body: (json, id) =>
      `{"events":[{"contextual_data":{${json}},"event_id":"${id}","event_type":"search","timestamp":"2026-06-01","session_id":"s","query":"q"}]}`,
  },
  {
    path: '/api/storefront/v3/headless/events',
    body: (json, id) =>
      `{${json},"event":{${json},"id":"${id}","name":"page_viewed","data":{${json}}},"session_id":"s","cart":{${json}},"device":{${json}},"customer_privacy":{${json}}}`,
  },
  {
    path: '/webhooks/tapcart',
    body: (json, id) =>
      `{${json},"event":"pageView","data":{${json}},"properties":{${json}},"mp_metadata":{${json},"mp_event_id":"${id}"}}`,
  },
  { path: '/api/storefront/v3/headless/init', body: (json) => `{${json}}` },
];

describe('keys that reach for the prototype', ({ it, before, after }) => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  let sink: Sink;
  let gateway: Gateway;
  before(async () => {
    sink = await openSink();
    gateway = await gatewayWith(`
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    pipelines:
      - id: hook
        destination: { type: webhook, url: "${sink.url}", secret: "${secret}", allowPrivateNetworks: true }`);
  });
  after(async () => {
    await gateway.stop();
    await sink.close();
  });
  const headers = {
    authorization: 'Bearer demo-token',
    'x-storefront-access-token': 'demo-token',
    'x-shop': SHOP,
    'content-type': 'application/json',
  };
  const shared = () =>
    [Object.prototype, Array.prototype, Function.prototype, Map.prototype].map((one) =>
      Object.getOwnPropertyNames(one),
    );

  it('reach nothing, wherever they stand: 240 bodies are stored without __proto__, or refused', async () => {
    const untouched = shared();
    const accepted: string[] = [];
    for (const [place, { path, body }] of places.entries()) {
      for (const key of keys) {
        for (const [nest, json] of nests.entries()) {
          const id = `p${place}-${keys.indexOf(key)}-${nest}`;
          const reply = await call(gateway.port, { path, headers, body: body(json(key), id) });
          assert.ok(reply.status < 500, `${reply.status} to ${body(json(key), id)}`);
          if (reply.headers['x-events-accepted'] === '1') accepted.push(id);
          assert.equal(shared(), untouched, body(json(key), id));
          assert.is(({} as { polluted?: boolean }).polluted, undefined);
        }
      }
    }
    assert.ok(accepted.length > 180, `only ${accepted.length} were accepted, too few to prove anything`);
    // A forged trust or a stolen toString would show here.
    await until(() => sink.events().length >= accepted.length);
    const events = sink.events();
    assert.equal(events.map(({ event_id }) => event_id).sort(), accepted.sort());
    assert.not.match(JSON.stringify(events), /__proto__/);
    assert.ok(events.every(({ trust, shop }) => trust === 'public' && shop === SHOP));
    sink.verify(secret);
  });
});
