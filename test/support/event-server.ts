import { once } from 'node:events';
import { dialects } from '../../adapters/dialects/index.ts';
import { createHttp, type HttpOptions } from '../../server/http/server.ts';
import { createIngest, type IngestTools } from '../../server/ingest/ingest.ts';
import { createShops } from '../../server/ingest/shops.ts';
import type { Load } from '../../server/overload/load.ts';
import { configOf } from './gateway.ts';

export interface EventServerOptions {
  readonly load: Load;
  readonly tools?: Partial<IngestTools>;
  /** What it is told of `ingest` and `load` goes over parts of them. */
  readonly http?: Partial<HttpOptions>;
}

/** The server of event paths with nothing behind it: every event of the demo shop is stored, and forgotten. */
export async function openEventServer({ load, tools = {}, http = {} }: EventServerOptions) {
  const shops = createShops(configOf('shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]'));
  const ingest = createIngest({
    shops: () => shops,
    log: { append: async ({ events }: { events: unknown[] }) => events.map(() => ({ kind: 'stored' })) } as never,
    enrich: () => ({ channel: 'web' }),
    limits: { depth: 32, keys: 2048, text: 8192, eventBytes: 65_536 },
    rates: { wait: () => 0, spend: () => {} },
    now: Date.now,
    ...tools,
  });
  const server = createHttp({
    dialects,
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
    onError: () => {},
    ...http,
    ingest: { ...ingest, ...http.ingest },
    load: { ...load, ...http.load },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port, close };
}
