import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { destinations } from '../adapters/destinations/index.ts';
import { dialects, view } from '../adapters/dialects/index.ts';
import { openStore } from '../adapters/logs/index.ts';
import { type Durability, type LogRecord, LogUnavailable, type Verdict } from '../adapters/logs/log.ts';
import type { Store } from '../adapters/logs/store.ts';
import type { Config } from '../schemas/config.ts';
import type { Settings } from '../schemas/settings.ts';
import { adminRoutes } from './admin.ts';
import { balanceOf } from './balance.ts';
import type { Clock } from './clock.ts';
import { createEnricher } from './enrich/enrich.ts';
import { openGeoDatabase } from './enrich/geo.ts';
import { type Readiness, readiness, unreachable } from './health.ts';
import { createHttp, type Router } from './http.ts';
import { createIngest } from './ingest.ts';
import { createInit } from './init.ts';
import type { Logger } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import document from './openapi.json' with { type: 'json' };
import { createOperations } from './operator.ts';
import { Pipelines } from './pipelines.ts';
import { Replays } from './replays.ts';
import { ConfigError, isProduction } from './settings.ts';
import { createShops, type Shops } from './shops.ts';
import { createTail, type Tail } from './tail.ts';
import { acceptedLines, refusedLines, settledLines } from './tail-lines.ts';
import { createUpstream } from './upstream.ts';
import { createVisitors } from './visitors.ts';

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
const SWEEP_EVERY_MS = 100;
const DAY_MS = 24 * 3_600_000;

/** Builds everything from settings and a configuration, and starts it. Throws ConfigError where a setting cannot be served. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { settings, clock } = options;
  const stopping = new AbortController();
  const store = await openLog(options);
  const tail = createTail();
  const pipelines = new Pipelines({
    ...options,
    store,
    moves: true,
    destinations,
    tail: (id, kind, events, status) => {
      if (!tail.listening) return;
      for (const line of settledLines(id, kind, events, status, clock.now())) tail.publish(line);
    },
  });
  const replays = new Replays({
    ...options,
    store,
    moves: true,
    find: (ref) => pipelines.find(ref),
    run: (...replay) => pipelines.replay(...replay),
  });
  let shops: Shops = createShops(options.config);
  // Pipelines come first: a new one begins at the head of the log, and must not miss the first event.
  await pipelines.follow(options.config);
  replays.follow();
  const parts: Parts = {
    store,
    tail,
    pipelines,
    replays,
    shops: () => shops,
    stopping: stopping.signal,
    enrich: await enricher(settings),
    metrics: createMetrics({ log: store.log, shops: () => namesOf(shops), pipelines: () => pipelines.running() }),
  };
  const server = createServer(options, parts);
  await listen(server, settings);
  const upkeep = keepUp(options, parts);

  return {
    port: (server.address() as AddressInfo).port,
    durability: store.log.durability,
    reload: async (config) => {
      await pipelines.follow(config);
      shops = createShops(config);
      parts.metrics.reloaded(true);
    },
    reloadRefused: () => parts.metrics.reloaded(false),
    stop: async () => {
      stopping.abort();
      await Promise.all([closed(server, settings), pipelines.stop(), replays.stop(), upkeep]);
      await store.close();
    },
  };
}

const namesOf = (shops: Shops): string[] => shops.all.map(({ config }) => config.shop);

function openLog({ settings, clock, logger, onFailure }: GatewayOptions): Promise<Store> {
  return openStore(settings.LOG_URL, {
    view,
    durability: durabilityOf(settings),
    dedupMs: settings.DEDUP_HOURS * 3_600_000,
    quarantineMax: settings.QUARANTINE_MAX_PER_SHOP,
    process: 'all',
    connections: settings.DATABASE_CONNECTIONS,
    encrypt: isWiped(settings),
    now: clock.now,
    onFailure,
    onCorrupt: (shop, from, to) =>
      logger.error({ shop, from, to }, 'stored events cannot be read: their bytes changed on disk'),
  });
}

/** How much an answer promises here. Throws ConfigError for a log there is not yet, and in production where it is less than a disk. */
function durabilityOf(settings: Settings): Durability {
  const { LOG_URL } = settings;
  const [kind = ''] = LOG_URL.split(':', 1);
  if (kind.startsWith('postgres')) return 'disk';
  const durability = kind === 'memory' ? 'process' : isWiped(settings) ? 'ephemeral' : 'disk';
  if (durability !== 'disk' && isProduction(settings) && !settings.ALLOW_WEAK_DURABILITY) {
    throw new ConfigError([
      `LOG_URL must name a log that lasts, got ${LOG_URL}, which here is ${durability}: acknowledged events would be lost at the next restart. ` +
        'Run it where there is a disk that lasts, or set ALLOW_WEAK_DURABILITY=1 to accept that.',
    ]);
  }
  return durability;
}

/** Heroku names its dynos web.1, and wipes their disks; Dokku names them too, but says so. */
const isWiped = ({ DYNO, DOKKU_APP_NAME }: Settings): boolean => DYNO !== undefined && DOKKU_APP_NAME === undefined;

async function enricher({ GEO_HEADERS, GEOIP_DB }: Settings) {
  const geoDatabase = GEOIP_DB === undefined ? undefined : await openGeoDatabase(GEOIP_DB);
  return createEnricher({ geoHeaders: GEO_HEADERS, geoDatabase });
}

interface Parts {
  readonly store: Store;
  readonly tail: Tail;
  readonly pipelines: Pipelines;
  readonly replays: Replays;
  readonly metrics: Metrics;
  readonly shops: () => Shops;
  readonly stopping: AbortSignal;
  readonly enrich: ReturnType<typeof createEnricher>;
}

function createServer(options: GatewayOptions, parts: Parts): Server {
  const { settings, clock, logger } = options;
  const { store, tail, metrics, shops, stopping, enrich } = parts;
  const onError = (error: unknown) =>
    logger.error({ reason: error instanceof Error ? error.message : String(error) }, 'a request failed');
  const onStored = (record: LogRecord, verdicts: readonly Verdict[]): void => {
    try {
      tellStored(tail, record, verdicts);
    } catch (error) {
      // The record is durable: that somebody cannot watch it is no reason to refuse it.
      onError(error);
    }
  };
  return createHttp({
    dialects,
    ingest: createIngest({
      shops,
      log: store.log,
      enrich,
      limits: limitsOf(settings),
      now: clock.now,
      onStored,
      onError,
    }),
    sideCalls: [
      createInit({
        visitors: createVisitors(store.log, clock.now),
        upstream: createUpstream({
          now: clock.now,
          stopping,
          onFailed: (reason) => logger.warn({ reason }, 'Glood did not answer an init; it is answered here for 10 s'),
        }),
        mint: randomUUID,
        limits: limitsOf(settings),
        onError,
      }),
    ],
    bodyMaxBytes: settings.BODY_MAX_BYTES,
    trustProxyHops: settings.TRUST_PROXY_HOPS,
    headersTimeoutMs: settings.HEADERS_TIMEOUT_SECONDS * 1000,
    requestTimeoutMs: settings.REQUEST_TIMEOUT_SECONDS * 1000,
    keepAliveTimeoutMs: settings.KEEP_ALIVE_TIMEOUT_SECONDS * 1000,
    maxConnections: settings.MAX_CONNECTIONS,
    draining: () => stopping.aborted,
    onError,
    onAnswered: (exchange) => {
      metrics.answered(exchange);
      const { dialect, status, requestId, ms } = exchange;
      if (status >= 500) logger.warn({ requestId, dialect, status, ms }, 'request answered');
      else logger.debug({ requestId, dialect, status, ms }, 'request answered');
    },
    routes: (router) => routes(router, options, parts),
  });
}

const limitsOf = (settings: Settings) => ({
  depth: settings.EVENT_MAX_DEPTH,
  keys: settings.EVENT_MAX_KEYS,
  eventBytes: settings.EVENT_MAX_BYTES,
});

/** Everything that is answered beside the events themselves. */
function routes(router: Router, { settings, clock, logger }: GatewayOptions, parts: Parts): void {
  const { store, metrics, stopping } = parts;
  const description = JSON.stringify(document);
  router.get('/healthz', (ctx) => {
    ctx.body = { ok: true };
  });
  router.get('/readyz', async (ctx) => {
    const report = await reportOf(parts).catch((error: unknown) => {
      if (error instanceof LogUnavailable) return unreachable(store.log, stopping.aborted, error);
      throw error;
    });
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
  const operations = createOperations({ ...parts, dialects, limits: limitsOf(settings), now: clock.now });
  adminRoutes(router, {
    operations,
    token: settings.ADMIN_TOKEN,
    clock,
    logger,
    trustProxyHops: settings.TRUST_PROXY_HOPS,
    stopping,
  });
}

async function reportOf({ store, pipelines, shops, stopping }: Parts): Promise<Readiness> {
  const running = await pipelines.running();
  const { balanced } = await balanceOf(store.log, namesOf(shops()), running);
  return readiness(store.log, stopping.aborted, balanced, running);
}

function tellStored(tail: Tail, record: LogRecord, verdicts: readonly Verdict[]): void {
  if (!tail.listening) return;
  const places = record.events.map(({ index }) => index);
  const events = places.length > 0 ? view(record.dialect, record.body.toString(), places, record.context) : [];
  for (const line of [...acceptedLines(record, verdicts, events), ...refusedLines(record)]) tail.publish(line);
}

/** Resolves when every connection is closed: idle ones at once, the others with their answer, at the latest when their request is due. */
function closed(server: Server, { REQUEST_TIMEOUT_SECONDS }: Settings): Promise<void> {
  // A connection that was being answered as the stop began is kept alive by that answer, and idle only now.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_EVERY_MS);
  // Node looks after slow requests no more once the server is closing.
  const due = setTimeout(() => server.closeAllConnections(), REQUEST_TIMEOUT_SECONDS * 1000);
  return new Promise((resolve) => {
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(due);
      resolve();
    });
    server.closeIdleConnections();
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

/** Once a minute: lets old events go, and checks that everything is accounted for. */
async function keepUp({ clock, logger, onFailure, settings }: GatewayOptions, parts: Parts): Promise<void> {
  const { store, pipelines, shops, stopping } = parts;
  for (;;) {
    await clock.sleep(TRIM_EVERY_MS, stopping);
    if (stopping.aborted) return;
    try {
      await trim(parts, clock.now() - settings.RETENTION_DAYS * DAY_MS, settings.LOG_MAX_BYTES, logger);
      const balance = await balanceOf(store.log, namesOf(shops()), await pipelines.running());
      const wrong = [...balance.shops, ...balance.pipelines].filter(({ difference }) => difference !== 0);
      if (wrong.length > 0) logger.error({ wrong }, 'the books do not balance: events are unaccounted for');
    } catch (error) {
      if (!(error instanceof LogUnavailable)) onFailure(error);
      else logger.warn({ reason: error.message }, 'old events stay until the log can be reached');
    }
  }
}

async function trim(
  { store, pipelines, replays, metrics, shops }: Parts,
  before: number,
  maxBytes: number,
  logger: Logger,
): Promise<void> {
  const all = await Promise.all(
    namesOf(shops()).map(
      async (shop) => [shop, Math.min(await pipelines.passed(shop), await replays.passed(shop))] as const,
    ),
  );
  const positions = new Map(all);
  const passed = (shop: string): number => positions.get(shop) ?? Number.MAX_SAFE_INTEGER;
  const { unpassed } = await store.log.trim({ before: new Date(before), passed, maxBytes });
  for (const [shop, events] of Object.entries(unpassed)) {
    metrics.dropped(shop, events);
    logger.error(
      { shop, events, reason: 'retention' },
      'the log is full: events left it before every pipeline had them',
    );
  }
}
