import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { destinations } from '../adapters/destinations/index.ts';
import { dialects, view } from '../adapters/dialects/index.ts';
import { openStore } from '../adapters/logs/index.ts';
import type { Durability } from '../adapters/logs/log.ts';
import type { Store } from '../adapters/logs/store.ts';
import type { Config } from '../schemas/config.ts';
import type { Settings } from '../schemas/settings.ts';
import type { Clock } from './clock.ts';
import { createEnricher } from './enrich/enrich.ts';
import { openGeoDatabase } from './enrich/geo.ts';
import { readiness } from './health.ts';
import { createHttp } from './http.ts';
import { createIngest } from './ingest.ts';
import type { Logger } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import document from './openapi.json' with { type: 'json' };
import { Pipelines } from './pipelines.ts';
import { ConfigError, isProduction } from './settings.ts';
import { createShops, type Shops } from './shops.ts';

export interface GatewayOptions {
  readonly settings: Settings;
  readonly config: Config;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Called when the gateway can keep no promise any more. The process should stop. */
  readonly onFailure: (error: unknown) => void;
}

export interface Gateway {
  /** Where it listens. */
  readonly port: number;
  readonly durability: Durability;
  /** Takes a new configuration without dropping a request. */
  reload(config: Config): Promise<void>;
  reloadRefused(): void;
  /** Stops accepting, answers what is in, ends deliveries, closes the log. */
  stop(): Promise<void>;
}

const TRIM_EVERY_MS = 60_000;
const DAY_MS = 24 * 3_600_000;

/** Builds everything from settings and a configuration, and starts it. Throws ConfigError where a setting cannot be served. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { settings, logger, clock } = options;
  const stopping = new AbortController();
  const store = await openLog(options);
  const pipelines = new Pipelines({ ...options, store, destinations });
  let shops: Shops = createShops(options.config);
  // Pipelines come first: a new one begins at the head of the log, and must not miss the first event.
  await pipelines.follow(options.config);
  const metrics = createMetrics({
    log: store.log,
    shops: () => shops.all.map(({ config }) => config.shop),
    pipelines: () => pipelines.running(),
  });
  const server = createServer(options, {
    store,
    pipelines,
    metrics,
    shops: () => shops,
    draining: () => stopping.signal.aborted,
    enrich: await enricher(settings),
  });
  await listen(server, settings);
  const trimming = trimRegularly(options, store, pipelines, metrics, stopping.signal);

  return {
    port: (server.address() as AddressInfo).port,
    durability: store.log.durability,
    reload: async (config) => {
      await pipelines.follow(config);
      shops = createShops(config);
      metrics.reloaded(true);
    },
    reloadRefused: () => metrics.reloaded(false),
    stop: async () => {
      stopping.abort();
      const answered = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await Promise.all([answered, pipelines.stop(), trimming]);
      await store.close();
      logger.flush();
      void clock;
    },
  };
}

function openLog({ settings, clock, logger, onFailure }: GatewayOptions): Promise<Store> {
  return openStore(settings.LOG_URL, {
    view,
    durability: durabilityOf(settings),
    dedupMs: settings.DEDUP_HOURS * 3_600_000,
    quarantineMax: settings.QUARANTINE_MAX_PER_SHOP,
    now: clock.now,
    onFailure,
    onCorrupt: (shop, from, to) =>
      logger.error({ shop, from, to }, 'stored events cannot be read: their bytes changed on disk'),
  });
}

/** How much an answer promises here. Throws ConfigError for a log there is not yet, and in production where it is less than a disk. */
function durabilityOf(settings: Settings): Durability {
  const { LOG_URL, DYNO } = settings;
  const [kind] = LOG_URL.split(':', 1);
  // Heroku names its dynos web.1; Dokku does too, but says so.
  const wiped = DYNO !== undefined && settings.DOKKU_APP_NAME === undefined;
  if (kind !== 'lmdb' && kind !== 'memory') {
    throw new ConfigError([
      `LOG_URL must be lmdb:<folder> or memory:, got ${kind}:…; a log on PostgreSQL is not there yet. Unset DATABASE_URL or set LOG_URL.`,
    ]);
  }
  const durability = kind === 'memory' ? 'process' : wiped ? 'ephemeral' : 'disk';
  if (durability !== 'disk' && isProduction(settings) && !settings.ALLOW_WEAK_DURABILITY) {
    throw new ConfigError([
      `LOG_URL must name a log that lasts, got ${LOG_URL}, which here is ${durability}: acknowledged events would be lost at the next restart. ` +
        'Run it where there is a disk that lasts, or set ALLOW_WEAK_DURABILITY=1 to accept that.',
    ]);
  }
  return durability;
}

async function enricher({ GEO_HEADERS, GEOIP_DB }: Settings) {
  const geoDatabase = GEOIP_DB === undefined ? undefined : await openGeoDatabase(GEOIP_DB);
  return createEnricher({ geoHeaders: GEO_HEADERS, geoDatabase });
}

interface Parts {
  readonly store: Store;
  readonly pipelines: Pipelines;
  readonly metrics: Metrics;
  readonly shops: () => Shops;
  readonly draining: () => boolean;
  readonly enrich: ReturnType<typeof createEnricher>;
}

function createServer(
  { settings, clock, logger }: GatewayOptions,
  { store, pipelines, metrics, shops, draining, enrich }: Parts,
): Server {
  const onError = (error: unknown) =>
    logger.error({ reason: error instanceof Error ? error.message : String(error) }, 'a request failed');
  const limits = {
    depth: settings.EVENT_MAX_DEPTH,
    keys: settings.EVENT_MAX_KEYS,
    eventBytes: settings.EVENT_MAX_BYTES,
  };
  const description = JSON.stringify(document);
  return createHttp({
    dialects,
    ingest: createIngest({ shops, log: store.log, enrich, limits, now: clock.now, onError }),
    bodyMaxBytes: settings.BODY_MAX_BYTES,
    trustProxyHops: settings.TRUST_PROXY_HOPS,
    headersTimeoutMs: settings.HEADERS_TIMEOUT_SECONDS * 1000,
    requestTimeoutMs: settings.REQUEST_TIMEOUT_SECONDS * 1000,
    keepAliveTimeoutMs: settings.KEEP_ALIVE_TIMEOUT_SECONDS * 1000,
    maxConnections: settings.MAX_CONNECTIONS,
    draining,
    onError,
    onAnswered: (exchange) => {
      metrics.answered(exchange);
      const { dialect, status, requestId, ms } = exchange;
      if (status >= 500) logger.warn({ requestId, dialect, status, ms }, 'request answered');
      else logger.debug({ requestId, dialect, status, ms }, 'request answered');
    },
    routes: (router) => {
      router.get('/healthz', (ctx) => {
        ctx.body = { ok: true };
      });
      router.get('/readyz', async (ctx) => {
        const report = readiness(store.log, draining(), await pipelines.running());
        ctx.status = report.ready ? 200 : 503;
        ctx.body = report;
      });
      router.get('/metrics', async (ctx) => {
        ctx.type = metrics.contentType;
        ctx.body = await metrics.render();
      });
      router.get('/openapi.json', (ctx) => {
        ctx.type = 'application/json';
        ctx.body = description;
      });
    },
  });
}

function listen(server: Server, { PORT, HOST }: Settings): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(PORT, HOST, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function trimRegularly(
  { settings, clock, logger, onFailure }: GatewayOptions,
  { log }: Store,
  pipelines: Pipelines,
  metrics: Metrics,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(TRIM_EVERY_MS, signal);
    if (signal.aborted) return;
    try {
      const before = new Date(clock.now() - settings.RETENTION_DAYS * DAY_MS);
      const { unpassed } = await log.trim({
        before,
        passed: (shop) => pipelines.passed(shop),
        maxBytes: settings.LOG_MAX_BYTES,
      });
      for (const [shop, events] of Object.entries(unpassed)) {
        metrics.dropped(shop, events);
        logger.error(
          { shop, events, reason: 'retention' },
          'the log is full: events left it before every pipeline had them',
        );
      }
    } catch (error) {
      onFailure(error);
    }
  }
}
