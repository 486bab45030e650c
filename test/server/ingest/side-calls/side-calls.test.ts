import * as assert from 'uvu/assert';
import { RequestRefused } from '../../../../adapters/dialects/dialect.ts';
import { dialects } from '../../../../adapters/dialects/index.ts';
import { systemClock } from '../../../../server/base/clock.ts';
import type { SideCall } from '../../../../server/ingest/ingest.ts';
import { createShops } from '../../../../server/ingest/shops.ts';
import { createSideCalls } from '../../../../server/ingest/side-calls/side-calls.ts';
import type { Gateway } from '../../../../server/process/gateway.ts';
import { describe } from '../../../support/describe.ts';
import { type Call, call, configOf, gatewayWith, glood, lanes, type Reply, SHOP } from '../../../support/gateway.ts';
import { openSink, type Sink } from '../../../support/sink.ts';
import { until } from '../../../support/until.ts';

const path = '/api/storefront/v3/headless/init';
const init = (port: number, body: unknown = {}, more: Call = {}): Promise<Reply> =>
  glood(port, body, { path, ...more });
const answerOf = ({ status, body }: Reply) => {
  assert.is(status, 200, body);
  return JSON.parse(body);
};

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const limits = { depth: 32, keys: 2048, text: 8192, eventBytes: 65_536 };

describe("Glood's init", ({ it, before, after }) => {
  let gateway: Gateway;
  let port = 0;
  // What is known of a visitor may be a second old, so each look comes a second after the one before.
  let ahead = 0;
  const clock = { ...systemClock, steady: () => systemClock.steady() + ahead };
  before(async () => {
    gateway = await gatewayWith(
      `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    serverTokens: [server-token]
    origins: ['https://shop.example.com']
    glood:
      config:
        shop: { money_format: '$\${{amount}}', currency: USD }
        analytics_enabled: true
  - shop: other.myshopify.com
    tokens: [other-token]
    glood: { allowShopHeaderOnly: true }`,
      {},
      { clock },
    );
    port = gateway.port;
  });
  after(() => gateway.stop());

  for (const lane of lanes) {
    it(`gives a new visitor ids, what the shop configured, and the token of the request (${lane})`, async () => {
      const { visit_id, user_id, client_id, ...rest } = answerOf(await init(port, {}, { lane }));
      for (const id of [visit_id, user_id, client_id]) assert.match(id, uuid);
      assert.is(new Set([visit_id, user_id, client_id]).size, 3);
      assert.equal(rest, {
        customer_id: '',
        visitor: { browsed_products: [], cart_products: [], purchased_products: [] },
        config: { shop: { money_format: ['$', '{{amount}}'].join(''), currency: 'USD' }, analytics_enabled: true },
        token: 'demo-token',
      });
    });
  }

  it('keeps the ids that the client sends, and begins a new visit each time', async () => {
    const client = { user_id: 'u1', client_id: 'c1', customer_id: 'gid://shopify/Customer/7', page_type: 'home' };
    const [first, second] = [answerOf(await init(port, client)), answerOf(await init(port, client))];
    assert.equal([first.user_id, first.client_id, first.customer_id], ['u1', 'c1', '7']);
    assert.is.not(first.visit_id, second.visit_id);
  });

  it('takes what does not fit for nothing, and an empty list for an empty object', async () => {
    for (const said of [{ user_id: 7.5, client_id: ['c'], customer_id: {}, page_type: 'blog', page_url: 5 }, []])
      for (const id of ['user_id', 'client_id'] as const) assert.match(answerOf(await init(port, said))[id], uuid);
    assert.is(answerOf(await init(port, { customer_id: 'c', page_url: 'x'.repeat(9_000) })).customer_id, 'c');
  });

  it('takes an empty body, with no type', async () => {
    const headers = { authorization: 'Bearer demo-token', 'x-shop': SHOP };
    assert.match(answerOf(await call(port, { path, headers, body: '' })).visit_id, uuid);
  });

  it('is the session of the events that follow, as in a client that migrates', async () => {
    const { visit_id, user_id, token } = answerOf(await init(port));
    const sent = { event: { id: visit_id, name: 'page_viewed' }, session_id: visit_id, user_id };
    assert.is((await glood(port, sent, { headers: { authorization: `Bearer ${token}` } })).status, 200);
  });

  const products = (...ids: string[]) => ids.map((id) => ({ variant: { id: '1', product: { id } }, quantity: 1 }));
  const viewed = (id: string) => ({ name: 'product_viewed', data: { productVariant: { id: '1', product: { id } } } });
  const cart = (id: string, name = 'product_added_to_cart') => ({
    name,
    data: { cartLine: { quantity: 1, merchandise: { id: '1', product: { id } } } },
  });
  let sent = 0;
  const happened = async (who: object, events: readonly object[], headers = {}) => {
    for (const event of events) {
      const body = { event: { id: `init-${++sent}`, ...event }, session_id: 's', ...who };
      assert.is((await glood(port, body, { headers })).status, 200);
    }
  };
  const visitorOf = async (body: object, headers: Record<string, string> = {}) => {
    ahead += 1_000;
    return answerOf(await init(port, body, { headers })).visitor;
  };

  it('tells what the visitor saw, has in the cart and bought, the last one first', async () => {
    await happened({ user_id: 'u2' }, [
      viewed('10'),
      viewed('11'),
      viewed('10'),
      cart('10'),
      cart('11'),
      cart('12'),
      cart('11', 'product_removed_from_cart'),
      { name: 'checkout_completed', data: { checkout: { lineItems: products('12', '99999999999999999999') } } },
    ]);
    const known = await until(async () => {
      const visitor = await visitorOf({ user_id: 'u2' });
      return visitor.purchased_products.length > 0 && visitor;
    });
    // An id that a JSON number cannot carry is left out.
    assert.equal(known, { browsed_products: [10, 11], cart_products: [10], purchased_products: [12] });
    assert.equal(await visitorOf({ client_id: 'u2' }), {
      browsed_products: [],
      cart_products: [],
      purchased_products: [],
    });
  });

  it('tells of a customer only whom the shop trusts: customers are numbered, and anyone could count', async () => {
    await happened({ customer_id: '973022333524' }, [viewed('20')]);
    const asServer = { authorization: 'Bearer server-token' };
    const told = async () => (await visitorOf({ customer_id: 973022333524 }, asServer)).browsed_products.length > 0;
    await until(told);
    assert.equal((await visitorOf({ customer_id: 973022333524 })).browsed_products, []);
  });

  it("tells nothing of another shop's visitors", async () => {
    await happened({ user_id: 'u3' }, [viewed('30')]);
    await until(async () => (await visitorOf({ user_id: 'u3' })).browsed_products.length > 0);
    const headers = { authorization: 'Bearer other-token', 'x-shop': 'other.myshopify.com' };
    assert.equal((await visitorOf({ user_id: 'u3' }, headers)).browsed_products, []);
  });

  it('lets a shop name itself in the header alone, where that is allowed, and then gives no token', async () => {
    const headers = { authorization: '', 'x-shop': 'https://Other.myshopify.com/' };
    assert.is(answerOf(await init(port, {}, { headers })).token, '');
    assert.is((await init(port, {}, { headers: { ...headers, 'x-shop': SHOP } })).status, 401);
  });

  const refusals: readonly (readonly [string, unknown, Call, number, RegExp])[] = [
    ['no token', {}, { headers: { authorization: '' } }, 401, /token/],
    ['another shop', {}, { headers: { 'x-shop': 'other.myshopify.com' } }, 403, /shop/],
    ['no shop, even in the body', { shop_domain: SHOP }, { headers: { 'x-shop': '' } }, 400, /x-shop/],
    ['a foreign origin', {}, { headers: { origin: 'https://evil.example' } }, 403, /origin/],
    ['text', {}, { headers: { 'content-type': 'text/plain' } }, 415, /Content-Type/],
    ['an unknown encoding', {}, { headers: { 'content-encoding': 'snappy' } }, 415, /Content-Encoding/],
    ['300 KB', {}, { body: `{"page_url":"${'x'.repeat(300_000)}"}` }, 413, /262144/],
    ['a long text', { note: 'x'.repeat(70_000) }, {}, 400, /note must have at most 65536 characters/],
    ['no JSON', {}, { body: '{' }, 400, /text that is not JSON/],
    ['an array', [1], {}, 400, /must be a JSON object, or empty, got an array/],
    ['another method', {}, { method: 'PUT' }, 405, /not PUT/],
  ];
  for (const [what, body, more, status, says] of refusals) {
    it(`answers ${what} as the events endpoint does`, async () => {
      const reply = await init(port, body, more);
      assert.is(reply.status, status, reply.body);
      const { error, message } = JSON.parse(reply.body);
      assert.is(error, status);
      assert.match(message, says);
    });
  }

  it('may be read by pages of the shop, and by no others', async () => {
    const origin = 'https://shop.example.com';
    const { headers } = await init(port, {}, { headers: { origin } });
    assert.is(headers['access-control-allow-origin'], origin);
    const preflight = await call(port, {
      method: 'OPTIONS',
      path,
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-shop' },
    });
    assert.is(preflight.status, 204);
    assert.match(preflight.headers['access-control-allow-headers'] ?? '', /x-shop/);
    const foreign = await init(port, {}, { headers: { origin: 'https://evil.example' } });
    assert.is(foreign.headers['access-control-allow-origin'], undefined);
  });

  it('answers although the log cannot be read, and says so here', async () => {
    const errors: unknown[] = [];
    const [{ answer, dialect }] = createSideCalls(dialects, {
      visitors: { of: () => Promise.reject(new Error('broken')) },
      upstream: { ask: async () => undefined },
      mint: () => 'minted',
      limits,
      onError: (error) => errors.push(error),
    }) as [SideCall];
    const [shop] = createShops(configOf(`shops: [{ shop: ${SHOP}, tokens: [t] }]`)).all;
    const inbound = { headers: {}, query: () => undefined, address: undefined };
    const holder = { shop: shop!, trust: 'public' } as const;
    const caller = { dialect, inbound, credentials: { token: 't' }, holder, allowsOrigin: true };
    const admission = { caller, ...holder, holder, shopNamed: true };
    const { status, body } = await answer(admission, Buffer.from('{"user_id":"u"}'));
    assert.equal([status, JSON.parse(body ?? '').visit_id], [200, 'minted']);
    assert.is(errors.length, 1);
    const unnamed = await answer({ ...admission, shopNamed: false }, Buffer.from('')).catch((error: unknown) => error);
    assert.instance(unnamed, RequestRefused);
  });
});

describe("Glood's init, passed on to where it was answered before", ({ it, before, after }) => {
  let sink: Sink;
  let gateway: Gateway;
  before(async () => {
    sink = await openSink();
    gateway = await gatewayWith(`
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    glood: { upstream: "http://127.0.0.1:${sink.port}", allowPrivateNetworks: true }`);
  });
  after(async () => {
    await gateway.stop();
    await sink.close();
  });

  it('answers what that server says, which gets body, shop and token', async () => {
    const body = '{"visit_id":"theirs","visitor":{"browsed_products":[1]},"token":"t"}';
    sink.behave({ kind: 'answer', status: 200, body });
    const reply = await init(gateway.port, { user_id: 'u1', page_type: 'home' });
    assert.equal([reply.status, reply.body, reply.headers['content-type']], [200, body, 'application/json']);
    const [request] = sink.requests;
    assert.is(request?.path, path);
    assert.equal(JSON.parse(request?.body ?? ''), { user_id: 'u1', page_type: 'home' });
    assert.equal([request?.headers['x-shop'], request?.headers.authorization], [SHOP, 'Bearer demo-token']);
  });

  it('passes nothing on that it would refuse itself', async () => {
    const before = sink.requests.length;
    assert.is((await init(gateway.port, [7])).status, 400);
    assert.is((await init(gateway.port, {}, { headers: { authorization: 'Bearer nope' } })).status, 401);
    assert.is(sink.requests.length, before);
  });

  it('answers itself where that server does not, and leaves it alone for a while', async () => {
    sink.behave({ kind: 'answer', status: 500, body: 'broken' });
    const before = sink.requests.length;
    for (let i = 0; i < 5; i += 1) assert.match(answerOf(await init(gateway.port)).visit_id, uuid);
    assert.is(sink.requests.length, before + 1);
  });
});
