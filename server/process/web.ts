import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dialects } from '../../adapters/dialects/index.ts';
import { type LogRecord, LogUnavailable, type Verdict } from '../../adapters/logs/log.ts';
import type { TailLine } from '../../schemas/admin-api/tail.ts';
import type { Config } from '../../schemas/config.ts';
import type { Settings } from '../../schemas/settings.ts';
import { adminRoutes } from '../admin/routes.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { placesOf } from '../base/places.ts';
import type { Roles } from '../config/settings.ts';
import document from '../docs/openapi.json' with { type: 'json' };
import { keptFor, pageOf, showPage } from '../http/large-answers.ts';
import { listen } from '../http/listening.ts';
import { rootPage } from '../http/root-page.ts';
import { createHttp, type HttpOptions, type Router } from '../http/server.ts';
import { createEnricher } from '../ingest/enrich/enrich.ts';
import { openGeoDatabase } from '../ingest/enrich/geo.ts';
import type { SideCall } from '../ingest/ingest.ts';
import { createIngest } from '../ingest/ingest.ts';
import { createRates } from '../ingest/rates.ts';
import { createRefusals } from '../ingest/refusals.ts';
import { createShops, type Shops } from '../ingest/shops.ts';
import { createSideCalls } from '../ingest/side-calls/side-calls.ts';
import { createUpstream } from '../ingest/side-calls/upstream.ts';
import { createVisitors } from '../ingest/side-calls/visitors.ts';
import type { OpenedLog } from '../log/store.ts';
import { type Readiness, readiness, unreachable } from '../operate/health.ts';
import type { Metrics } from '../operate/metrics.ts';
import { createOperations } from '../operate/operator.ts';
import type { Tail } from '../operate/tail/tail.ts';
import { createLoad, type Load, type Shortage } from '../overload/load.ts';
import { affordable } from '../overload/open-files.ts';
import type { Deliveries } from './deliveries.ts';

export interface WebOptions {
  readonly settings: Settings;
  readonly config: Config;
  /** Whether events are taken, or only said how this process does. */
  readonly serves: Exclude<Roles['serves'], 'nothing'>;
  readonly store: OpenedLog;
  readonly deliveries: Deliveries;
  readonly tail: Tail;
  readonly metrics: Pick<Metrics, 'answered' | 'contentType' | 'refused' | 'render' | 'replaced' | 'shed'>;
  /** Shows a line to whoever follows the tail, in this process or another. */
  readonly show: (line: TailLine) => void;
  /** Called with each record that is stored here, for whoever watches. */
  readonly onStored?: (record: LogRecord, verdicts: readonly Verdict[]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The half of a gateway that answers requests. */
export interface Web {
  readonly port: number;
  /** Takes a new configuration; a request in hand keeps the old one. */
  use(config: Config): void;
  /** Stops accepting, answers what is in. */
  stop(): Promise<void>;
}

const SWEEP_EVERY_MS = 100;
const LEAST_HEADERS_BYTES = 256 * 1024;

/** Listens. Throws ConfigError where the port is taken. */
export async function startWeb(options: WebOptions): Promise<Web> {
  const { settings, config, serves, metrics } = options;
  const stopping = new AbortController();
  let shops = createShops(config);
  const load = createLoad({
    maxBytes: settings.MAX_IN_FLIGHT_BYTES,
    disk: options.store.disk.pressure,
    stopping: stopping.signal,
    onShed: metrics.shed,
    onShedding: (shortage) => options.logger.warn({ shortage }, SHEDDING[shortage]),
  });
  const parts: Parts = {
    ...options,
    shops: () => shops,
    stopping: stopping.signal,
    load,
    onError: errorLogger(options),
  };
  const takes = serves === 'everything';
  const server = createHttp({
    dialects: takes ? dialects : [],
    ingest: createIngest({
      ...parts,
      ...toolsOf(options),
      rates: ratesOf(options),
      enrich: await enricher(settings),
      onReplaced: metrics.replaced,
    }),
    sideCalls: takes ? sideCallsOf(parts) : [],
    load,
    bodyMaxBytes: settings.BODY_MAX_BYTES,
    headersMaxBytes: settings.HEADERS_MAX_BYTES,
    // What they take grows up to tenfold where they are many and small.
    headersInFlightBytes: Math.max(LEAST_HEADERS_BYTES, settings.MAX_IN_FLIGHT_BYTES / 8),
    trustProxyHops: settings.TRUST_PROXY_HOPS,
    headersTimeoutMs: settings.HEADERS_TIMEOUT_SECONDS * 1000,
    requestTimeoutMs: settings.REQUEST_TIMEOUT_SECONDS * MOVING_BODIES * 1000,
    keepAliveTimeoutMs: settings.KEEP_ALIVE_TIMEOUT_SECONDS * 1000,
    maxConnections: affordable(settings.MAX_CONNECTIONS),
    draining: () => stopping.signal.aborted,
    onError: parts.onError,
    onRefused: createRefusals({ ...options, count: metrics.refused, stopping: stopping.signal }),
    onAnswered: (exchange) => {
      metrics.answered(exchange);
      const { dialect, status, requestId, ms } = exchange;
      // A line for each would cost as much as the refusal; there is one a minute for all of them.
      if (status >= 500 && load.sheddingFor() === undefined)
        options.logger.warn({ request_id: requestId, dialect, status, ms }, 'request answered');
      else options.logger.debug({ request_id: requestId, dialect, status, ms }, 'request answered');
    },
    routes: (router) => {
      healthRoutes(router, parts);
      if (takes) otherRoutes(router, parts);
    },
  });
  await listen(server, settings, options.logger);
  return {
    port: (server.address() as AddressInfo).port,
    use: (next) => {
      shops = createShops(next);
    },
    stop: () => {
      stopping.abort();
      return closed(server, settings);
    },
  };
}

/** A body that moves all the time may take this many times as long as a request. */
const MOVING_BODIES = 2;

/** What an operator reads where something is refused. */
const SHEDDING: Readonly<Record<Shortage, string>> = {
  delay:
    'more comes than this process can do; browse events are answered 503 first, and everything where that is not enough',
  memory:
    'the bodies in hand fill most of MAX_IN_FLIGHT_BYTES; of shops that hold more than their share, browse events are answered 503 first, and everything where they fill all of it',
  disk: 'the disk of the log is nearly full; requests are answered 503, those with browse events first',
  connections:
    'there are as many connections as MAX_CONNECTIONS, or the limit of open files, allow; more are closed at once',
};

interface Parts extends WebOptions {
  readonly shops: () => Shops;
  readonly stopping: AbortSignal;
  readonly load: Load;
  readonly onError: HttpOptions['onError'];
}

/** What a client can bring about by itself, as often as it likes: it sends what is no HTTP, or nothing more, or goes away. */
const BY_CLIENTS = /^(HPE_.*|ERR_HTTP_REQUEST_TIMEOUT|ECONNRESET|ECONNABORTED|EPIPE)$/;

const errorLogger =
  ({ logger }: WebOptions) =>
  (error: unknown, requestId?: string): void => {
    const { code = '', message = String(error) } = error as NodeJS.ErrnoException;
    if (BY_CLIENTS.test(code)) logger.debug({ reason: message }, 'a connection broke');
    else
      logger.error(
        { reason: message, ...(requestId && { request_id: requestId }), places: placesOf(error) },
        'a request failed',
      );
  };

const toolsOf = ({ settings, store, clock }: WebOptions) => ({
  log: store.log,
  limits: {
    depth: settings.EVENT_MAX_DEPTH,
    keys: settings.EVENT_MAX_KEYS,
    text: settings.EVENT_MAX_TEXT,
    eventBytes: settings.EVENT_MAX_BYTES,
  },
  now: clock.now,
});

const ratesOf = ({ settings, clock, logger }: WebOptions) =>
  createRates({
    perToken: settings.RATE_PER_TOKEN,
    perShop: settings.RATE_PER_SHOP,
    now: clock.steady,
    onExceeded: ({ config: { shop } }) =>
      logger.warn({ shop }, 'more requests came than its rate limits allow; they are answered 429'),
  });

async function enricher({ GEO_HEADERS, GEOIP_DB }: Settings) {
  const geoDatabase = GEOIP_DB === undefined ? undefined : await openGeoDatabase(GEOIP_DB);
  return createEnricher({ geoHeaders: GEO_HEADERS, geoDatabase });
}

function sideCallsOf(parts: Parts): SideCall[] {
  const { log, limits } = toolsOf(parts);
  const { clock, logger, stopping, onError } = parts;
  const now = clock.steady;
  return createSideCalls(dialects, {
    visitors: createVisitors(log, now),
    upstream: createUpstream({
      now,
      stopping,
      onFailed: (name, reason) =>
        logger.warn({ reason }, `${name} did not answer a call; such calls are answered here for 10 s`),
    }),
    mint: randomUUID,
    limits,
    onError,
  });
}

/** How old the metrics may be that are shown. Anybody may ask for them as often as they like. */
const METRICS_MS = 1000;

/** How this process does. */
function healthRoutes(router: Router, parts: Parts): void {
  const { store, metrics, stopping, clock } = parts;
  const root = rootPage(parts.serves === 'everything' ? dialects.map(({ path }) => path) : []);
  router.get('/', (ctx) => {
    ctx.type = 'application/json';
    ctx.body = root;
  });
  router.get('/healthz', (ctx) => {
    ctx.body = { ok: true };
  });
  const reported = shared(() => reportOf(parts));
  const rendered = keptFor(METRICS_MS, clock.steady, async () => pageOf(metrics.contentType, await metrics.render()));
  router.get('/readyz', async (ctx) => {
    const report = await reported().catch((error: unknown) => {
      if (error instanceof LogUnavailable) return unreachable(store, stopping.aborted, error);
      throw error;
    });
    ctx.status = report.ready ? 200 : 503;
    const shedding = parts.load.sheddingFor();
    ctx.body = shedding === undefined ? report : { ...report, shedding };
  });
  router.get('/metrics', async (ctx) => {
    showPage(ctx, await rendered());
  });
}

/** Asks once for all who come while it is being answered: anybody may ask, and each answer costs the log several questions. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask().finally(() => {
      answer = undefined;
    });
    return answer;
  };
}

/** Everything else that is answered beside the events themselves. */
function otherRoutes(router: Router, parts: Parts): void {
  const { settings, clock, logger, stopping } = parts;
  const description = pageOf('application/json', JSON.stringify(document));
  router.get('/openapi.json', (ctx) => {
    showPage(ctx, description);
  });
  const operations = createOperations({
    ...parts,
    ...parts.deliveries,
    ...toolsOf(parts),
    shops: parts.shops,
    deliversEvents: settings.PROCESS !== 'web',
    dialects,
  });
  adminRoutes(router, {
    operations,
    token: settings.ADMIN_TOKEN,
    clock,
    logger,
    trustProxyHops: settings.TRUST_PROXY_HOPS,
    stopping,
  });
}

async function reportOf({ store, deliveries, stopping, clock }: Parts): Promise<Readiness> {
  const { statuses, balance } = await deliveries.overview();
  return readiness(store, stopping.aborted, balance.balanced, statuses, clock.now());
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
