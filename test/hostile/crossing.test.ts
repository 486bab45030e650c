import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { Gateway } from '../../server/process/gateway.ts';
import { describe } from '../support/describe.ts';
import { beacon, gatewayWith, glood, layersEvent, tapcart } from '../support/gateway.ts';
import { openSink, type Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const SHOPS = 50;
const REQUESTS = 4_000;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const shopOf = (n: number) => `shop-${n}.myshopify.com`;

/** A request that names shops in up to three places, each drawn by itself; ids are drawn from so few that shops share them. */
interface Mixed {
  readonly dialect: 'layers' | 'glood' | 'tapcart';
  readonly token: number;
  readonly header: number | undefined;
  readonly domain: number | undefined;
  readonly id: string;
}

const shop = fc.nat(SHOPS - 1);
const named = (token: number) =>
  fc.oneof({ arbitrary: fc.constant(token), weight: 4 }, { arbitrary: shop, weight: 2 }, fc.constant(undefined));
const mixed: fc.Arbitrary<Mixed> = shop.chain((token) =>
  fc.record({
    dialect: fc.constantFrom('layers', 'glood', 'tapcart'),
    token: fc.constant(token),
    header: named(token),
    domain: named(token),
    id: fc.nat(99).map((n) => `id-${n}`),
  }),
);

/** What the contract says to it. */
function expected({ dialect, token, header, domain }: Mixed): number {
  if (dialect === 'layers') return 201;
  if (dialect === 'tapcart') return 200;
  if ((header ?? token) !== token || (domain ?? token) !== token) return 403;
  return header === undefined && domain === undefined ? 400 : 200;
}

describe(`${SHOPS} shops, and requests that mix their tokens, names and ids up`, ({ it, before, after }) => {
  let sink: Sink;
  let gateway: Gateway;
  before(async () => {
    sink = await openSink();
    const shops = Array.from(
      { length: SHOPS },
      (_, n) => `
  - shop: ${shopOf(n)}
    tokens: [token-${n}]
    pipelines:
      - id: hook
        destination: { type: webhook, url: "${sink.url}", secret: "${secret}", allowPrivateNetworks: true }`,
    );
    gateway = await gatewayWith(`shops:${shops.join('')}`, { RATE_PER_TOKEN: '0', RATE_PER_SHOP: '0' });
  });
  after(async () => {
    await gateway.stop();
    await sink.close();
  });

  const send = async ({ dialect, token, header, domain, id }: Mixed) => {
    const bearer = { authorization: `Bearer token-${token}` };
    if (dialect === 'layers')
      return beacon(gateway.port, [layersEvent({ event_id: id, shop: shopOf((token + 1) % SHOPS) })], {
        headers: { 'x-storefront-access-token': `token-${token}` },
      });
    if (dialect === 'tapcart')
      return tapcart(gateway.port, { event: 'productViewed', mp_metadata: { mp_event_id: id } }, { headers: bearer });
    const body = {
      event: { id, name: 'product_viewed' },
      session_id: 's',
      ...(domain !== undefined && { shop_domain: `https://${shopOf(domain).toUpperCase()}/` }),
    };
    return glood(gateway.port, body, {
      headers: { ...bearer, 'x-shop': header === undefined ? '' : shopOf(header) },
    });
  };

  it(
    'never give a shop what is another’s, and never take one’s event for a duplicate of another’s',
    async () => {
      const stored = new Set<string>();
      const requests = fc.sample(mixed, { numRuns: REQUESTS, seed: 20261121 });
      let refused = 0;
      for (let at = 0; at < requests.length; at += 20) {
        await Promise.all(
          requests.slice(at, at + 20).map(async (one) => {
            const reply = await send(one);
            assert.is(reply.status, expected(one), `${JSON.stringify(one)}: ${reply.body}`);
            if (reply.status >= 300) refused += 1;
            if (reply.status === 403) assert.not.match(reply.body, /shop-\d+/, 'a refusal names another shop');
            if (reply.status < 300) stored.add(`${shopOf(one.token)} ${one.id}`);
          }),
        );
      }
      assert.ok(refused > 400, `only ${refused} were refused, too few to prove anything`);
      await until(() => sink.events().length >= stored.size);
      const arrived = sink.requests.flatMap(({ body }) => {
        const { data } = JSON.parse(body) as { data: { shop: string; events: { shop: string; event_id: string }[] } };
        for (const event of data.events) assert.is(event.shop, data.shop);
        return data.events.map(({ event_id }) => `${data.shop} ${event_id}`);
      });
      // Each once: none crossed, none suppressed, none twice.
      assert.equal(arrived.sort(), [...stored].sort());
    },
    { timeoutMs: 60_000 },
  );
});

describe('a purchase that a shopper made up', ({ it }) => {
  it('reaches those who take anything, marked as what anyone can send, and never those who want servers only', async () => {
    const [anything, servers] = [await openSink(), await openSink()];
    const hook = (id: string, sink: Sink, more = '') =>
      `{ id: ${id}, ${more} destination: { type: webhook, url: "${sink.url}", secret: "${secret}", allowPrivateNetworks: true } }`;
    const gateway = await gatewayWith(`
shops:
  - shop: demo.myshopify.com
    tokens: [demo-token]
    serverTokens: [server-token]
    pipelines:
      - ${hook('anything', anything)}
      - ${hook('conversions', servers, 'events: [purchase], trust: server,')}`);
    const purchase = (id: string, more: object = {}) => ({
      event: { id, name: 'checkout_completed', data: { checkout: { totalPrice: { amount: 1e9 } } } },
      session_id: 's',
      trust: 'server',
      ...more,
    });
    const asServer = { headers: { authorization: 'Bearer server-token' } };
    await glood(gateway.port, purchase('forged'));
    await glood(gateway.port, purchase('real'), asServer);
    await until(() => servers.events().length > 0 && anything.events().length === 2);
    await gateway.stop();
    const seen = (sink: Sink) => sink.events().map(({ event_id, trust }) => [event_id, trust]);
    assert.equal(seen(anything), [
      ['forged', 'public'],
      ['real', 'server'],
    ]);
    assert.equal(seen(servers), [['real', 'server']]);
    await anything.close();
    await servers.close();
  });
});
