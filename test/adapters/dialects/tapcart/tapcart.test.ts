import * as assert from 'uvu/assert';
import { type Context, RequestRefused } from '../../../../adapters/dialects/dialect.ts';
import { keptHeaders } from '../../../../adapters/dialects/headers.ts';
import { tapcart } from '../../../../adapters/dialects/tapcart/tapcart.ts';
import type { Gateway } from '../../../../server/process/gateway.ts';
import { context, draftsOf, fixturesOf, rules } from '../../../contracts/dialect.ts';
import { describe } from '../../../support/describe.ts';
import { gatewayWith, lanes, SHOP, tapcart as send } from '../../../support/gateway.ts';
import { openSink, type Sink } from '../../../support/sink.ts';
import { until } from '../../../support/until.ts';

const body = (more: object = {}) => ({ event: 'productViewed', mp_metadata: { mp_event_id: 'tc-1' }, ...more });
const view = (value: object, more: Partial<Context> = {}) =>
  tapcart.view(JSON.stringify(value), [0], { ...context('server'), ...more })[0]!;

function refused(text: string): RequestRefused {
  try {
    tapcart.read(text, rules);
  } catch (error) {
    if (error instanceof RequestRefused) return error;
    throw error;
  }
  throw new Error(`it was accepted: ${text.slice(0, 200)}`);
}

/** The events of Tapcart's public catalogue. */
const catalogue =
  `applicationInstalled applicationOpened cartAdd cartRemove cartUpdated checkoutCreated collectionViewed loggedIn
  loggedOut pageView search productViewed purchaseCompleted pushOpened wishlistItemAdded`.split(/\s+/);

describe('Tapcart', ({ it }) => {
  it('has an example of each event of the catalogue', () => {
    const seen = new Set(fixturesOf('tapcart').flatMap(({ events }) => events.map(({ name }) => name)));
    assert.equal([...seen].toSorted(), catalogue.toSorted());
  });

  const wrong: readonly (readonly [string, object, string, string])[] = [
    ['no id', { mp_metadata: {} }, 'invalid', 'mp_metadata.mp_event_id must be an id as text, got nothing'],
    ['no identifiers', { mp_metadata: null }, 'invalid', 'mp_metadata must be an object with mp_event_id, got null'],
    ['no name', { event: undefined }, 'invalid', 'event must be the name of an event, such as '],
    ['an unknown name', { event: 'appBackgrounded' }, 'unknown_type', 'got "appBackgrounded"'],
    ['a slip', { event: 'productVeiwed' }, 'unknown_type', 'got "productVeiwed"; did you mean productViewed?'],
    ['a name of every object', { event: 'constructor' }, 'unknown_type', 'got "constructor"'],
    ['too much', { data: { text: 'x'.repeat(9_000) } }, 'too_large', 'data.text must have at most 8192 characters'],
  ];
  for (const [what, more, code, says] of wrong) {
    it(`refuses ${what} with 422, which is not repeated, and keeps it`, () => {
      const text = JSON.stringify(body(more));
      const error = refused(text);
      assert.is(error.status, 422);
      assert.ok(error.message.includes(says), error.message);
      assert.equal([error.refusal?.code, error.refusal?.raw], [code, text]);
      assert.equal(tapcart.refused(error), {
        status: 422,
        body: JSON.stringify({ ok: false, error: error.message }),
      });
    });
  }

  it('takes a name that the shop lists itself, as it is', () => {
    const custom = body({ event: 'wishlist_add' });
    assert.equal(draftsOf(tapcart.read(JSON.stringify(custom), rules)), [{ index: 0, id: 'tc-1' }]);
    assert.is(view(custom).event_type, 'wishlist_add');
  });

  it('takes the token from Authorization, else from the query', () => {
    const token = (headers: Record<string, string>, query?: string) =>
      tapcart.credentials({ headers, query: (name) => (name === 'token' ? query : undefined) }).token;
    assert.is(token({ authorization: 'Bearer header' }, 'query'), 'header');
    assert.is(token({}, ' query '), 'query');
    assert.is(token({ authorization: 'Basic eA==' }, ''), undefined);
  });

  it('knows the device by the header where the event does not name it, and keeps no more than 200 characters', () => {
    const request = { headers: { deviceid: 'd'.repeat(500), appid: 'a' }, query: () => undefined };
    assert.equal(keptHeaders(tapcart, request), { deviceid: 'd'.repeat(200) });
    assert.is(keptHeaders(tapcart, { headers: { deviceid: ' ' }, query: () => undefined }), undefined);
    assert.is(view(body(), { headers: { deviceid: 'd1' } }).device_id, 'd1');
    assert.is(view(body({ properties: { device_id: 'own' } }), { headers: { deviceid: 'd1' } }).device_id, 'own');
  });

  it('says nothing of place, browser and bots: those would be of the servers that send it', () => {
    const event = view(body(), {
      geo: { country: 'US', city: 'ashburn' },
      agent: { device: 'desktop', browser: 'x', os: 'Linux', bot: true },
    });
    for (const key of ['geo_country', 'geo_city', 'device_type', 'browser', 'os', 'is_bot'] as const)
      assert.is(event[key], undefined, key);
    assert.is(event.shopping_channel, 'app');
  });

  it('takes the time of the app where it is one, else the time of receipt', () => {
    const at = (more: object) => view(body(more)).timestamp;
    assert.is(at({ properties: { timestamp: 1780315150250 } }), '2026-06-01T11:59:10.250Z');
    assert.is(at({ data: { timestamp: '2026-06-01T13:00:00+02:00' } }), '2026-06-01T11:00:00.000Z');
    for (const timestamp of [1780315150, 'soon', null, {}, 9e15])
      assert.is(at({ properties: { timestamp } }), '2026-06-01T12:00:00.000Z', String(timestamp));
  });
});

describe('Tapcart, through the gateway', ({ it, before, after }) => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  let sink: Sink;
  let gateway: Gateway;
  before(async () => {
    sink = await openSink();
    gateway = await gatewayWith(`
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    serverTokens: [tapcart-token]
    pipelines:
      - id: hook
        channels: [app]
        destination: { type: webhook, url: "${sink.url}", secret: "${secret}", allowPrivateNetworks: true }`);
  });
  after(async () => {
    await gateway.stop();
    await sink.close();
  });
  const arrived = (id: string) => until(() => sink.events().find(({ event_id }) => event_id === id));

  for (const lane of lanes) {
    it(`stores an event once, however often it comes, and delivers it with its device (${lane})`, async () => {
      const event = body({ mp_metadata: { mp_event_id: `tc-${lane}`, mp_session_id: 's1' } });
      const call = { path: '/webhooks/tapcart?token=tapcart-token', lane, headers: { deviceid: 'd1' } };
      const [first, second] = [await send(gateway.port, event, call), await send(gateway.port, event, call)];
      assert.equal([first.status, first.body, first.headers['x-events-accepted']], [200, '{"ok":true}', '1']);
      assert.equal([second.status, second.headers['x-events-duplicate']], [200, '1']);
      const { trust, device_id, shopping_channel, event_type } = await arrived(`tc-${lane}`);
      assert.equal([trust, device_id, shopping_channel, event_type], ['server', 'd1', 'app', 'product_view']);
    });
  }

  it('trusts a token that shoppers can read no more here than elsewhere', async () => {
    assert.is((await send(gateway.port, body({ mp_metadata: { mp_event_id: 'public' } }))).status, 200);
    assert.is((await arrived('public')).trust, 'public');
  });

  it('refuses an unknown token in its own words', async () => {
    const reply = await send(gateway.port, body(), { path: '/webhooks/tapcart?token=nope' });
    assert.is(reply.status, 401);
    assert.is(JSON.parse(reply.body).ok, false);
  });
});
