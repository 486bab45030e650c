import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { RequestRefused } from '../../../adapters/dialects/dialect.ts';
import { dialects } from '../../../adapters/dialects/index.ts';
import { createHttp, type HttpOptions } from '../../../server/http/server.ts';
import { createIngest, type IngestTools } from '../../../server/ingest/ingest.ts';
import { createShops } from '../../../server/ingest/shops.ts';
import { createLoad } from '../../../server/overload/load.ts';
import { describe } from '../../support/describe.ts';
import { beacon, configOf, glood, lanes, layersEvent } from '../../support/gateway.ts';

const oops = (): never => {
  throw new Error('planted');
};

const refused = (): never => {
  throw new RequestRefused(401, 'no token');
};

/** A server with a fault in one of its parts. */
async function serverWith(http: Partial<HttpOptions>, tools: Partial<IngestTools> = {}) {
  const shops = createShops(configOf('shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]'));
  const logged: (string | undefined)[] = [];
  const onError = (_error: unknown, requestId?: string): void => void logged.push(requestId);
  const load = createLoad({ maxBytes: 1e9, disk: () => 'none', heldMs: 0, onShed: () => {}, onShedding: () => {} });
  const ingest = createIngest({
    shops: () => shops,
    log: { append: async ({ events }: { events: unknown[] }) => events.map(() => ({ kind: 'stored' })) } as never,
    enrich: () => ({ channel: 'web' }),
    limits: { depth: 32, keys: 2048, text: 8192, eventBytes: 65_536 },
    rates: { wait: () => 0, spend: () => {} },
    now: Date.now,
    onError,
    ...tools,
  });
  const server = createHttp({
    dialects,
    ingest,
    load,
    sideCalls: [],
    routes: () => {},
    bodyMaxBytes: 262_144,
    trustProxyHops: 0,
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 15_000,
    keepAliveTimeoutMs: 1000,
    maxConnections: 100,
    draining: () => false,
    onRefused: () => {},
    headersMaxBytes: 16 * 1024,
    headersInFlightBytes: 1024 * 1024,
    onAnswered: () => {},
    onError,
    ...http,
    ...(http.ingest && { ingest: { ...ingest, ...http.ingest } }),
    ...(http.load && { load: { ...load, ...http.load } }),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as { port: number }).port, logged, close };
}

const faults: readonly (readonly [string, number, Partial<HttpOptions>, Partial<IngestTools>?])[] = [
  ['an enrichment', 503, {}, { enrich: oops }],
  ['a clock', 503, {}, { now: oops }],
  ['the count of answers', 201, { onAnswered: oops }],
  ['the look at the origin', 503, { ingest: { readable: oops, admit: refused } as never }],
  ['the load', 503, { load: { strain: oops } as never }],
  ['the turn', 503, { load: { turn: oops } as never }],
  ['the question whether it stops', 503, { draining: oops }],
  [
    'a header that cannot be written',
    503,
    { ingest: { take: async () => ({ status: 201, body: 'null', headers: { 'X-Odd': 'a\nb' } }) } as never },
  ],
  ['a refusal', 503, { ingest: { admit: oops, refuse: refusesOnce() } as never }],
];

function refusesOnce() {
  let refusals = 0;
  return () => {
    refusals += 1;
    if (refusals % 2 === 1) throw new Error('planted');
    return { status: 503, body: '{"errors":["later"]}', headers: {} };
  };
}

describe('a throw in the way of a request', ({ it }) => {
  for (const [what, status, http, tools] of faults)
    it(`of ${what} is logged once with the id of the request, and answered`, async () => {
      const { port, logged, close } = await serverWith(http, tools);
      for (const lane of lanes) {
        logged.length = 0;
        const headers = { 'x-request-id': `request-${lane}`, origin: 'https://shop.example.com' };
        const reply = await beacon(port, [layersEvent()], { lane, headers });
        assert.is(reply.status, status);
        assert.is(reply.headers['x-request-id'], `request-${lane}`);
        if (status === 503) assert.is(typeof JSON.parse(reply.body).errors[0], 'string');
        // What is thrown behind the answer is logged behind it.
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(logged, [`request-${lane}`]);
      }
      close();
    });

  it('is answered in the words of each dialect', async () => {
    const { port, close } = await serverWith({}, { enrich: oops });
    const event = { event: { id: '1', name: 'page_viewed', data: {} }, session_id: 's' };
    assert.is(JSON.parse((await glood(port, event)).body).error, 503);
    close();
  });
});
