import type { AddressInfo } from 'node:net';
import { dialects } from '../../adapters/dialects/index.ts';
import type { LogRecord, Verdict } from '../../adapters/logs/log.ts';
import type { TailLine } from '../../schemas/admin-api/tail.ts';
import type { Config } from '../../schemas/config.ts';
import type { Settings } from '../../schemas/settings.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Roles } from '../config/settings.ts';
import { affordableConnections } from '../http/connections.ts';
import { listen } from '../http/listening.ts';
import { createHttp } from '../http/server.ts';
import { createIngest } from '../ingest/ingest.ts';
import { createRefusals } from '../ingest/refusals.ts';
import { createShops } from '../ingest/shops.ts';
import type { OpenedLog } from '../log/store.ts';
import type { Metrics } from '../operate/metrics.ts';
import type { Tail } from '../operate/tail/tail.ts';
import { createLoad } from '../overload/load.ts';
import { closeServer } from './close-server.ts';
import type { Deliveries } from './deliveries.ts';
import { enricher, errorLogger, type Parts, ratesOf, SHEDDING, sideCallsOf, toolsOf } from './web-parts.ts';
import { healthRoutes, otherRoutes } from './web-routes.ts';

export interface WebOptions {
  readonly settings: Settings;
  readonly config: Config;
  /** Whether it takes events or only reports its health. */
  readonly serves: Exclude<Roles['serves'], 'nothing'>;
  readonly store: OpenedLog;
  readonly deliveries: Deliveries;
  readonly tail: Tail;
  readonly metrics: Pick<Metrics, 'answered' | 'contentType' | 'refused' | 'render' | 'replaced' | 'shed'>;
  /** Shows a line to the readers of the tail, in this process or another. */
  readonly show: (line: TailLine) => void;
  /** Called with each record that is stored here, for the tail. */
  readonly onStored?: (record: LogRecord, verdicts: readonly Verdict[]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The half of a gateway that answers requests. */
export interface Web {
  readonly port: number;
  /** Takes a new configuration; requests in progress keep the old one. */
  use(config: Config): void;
  /** Stops accepting; resolves when requests in progress are answered. */
  stop(): Promise<void>;
}

const LEAST_HEADERS_BYTES = 256 * 1024;

/** Listens. Throws ConfigError if the port is taken or the geo database cannot be used. */
export async function startWeb(options: WebOptions): Promise<Web> {
  const { settings, config, serves, metrics } = options;
  const stopping = new AbortController();
  let shops = createShops(config);
  const load = createLoad({
    maxBytes: settings.MAX_IN_FLIGHT_BYTES,
    disk: options.store.disk.pressure,
    stopping: stopping.signal,
    onRefusal: metrics.shed,
    onShortage: (shortage) => options.logger.warn({ shortage }, SHEDDING[shortage]),
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
    // Many small headers take up to ten times their size in memory.
    headersInFlightBytes: Math.max(LEAST_HEADERS_BYTES, settings.MAX_IN_FLIGHT_BYTES / 8),
    trustProxyHops: settings.TRUST_PROXY_HOPS,
    headersTimeoutMs: settings.HEADERS_TIMEOUT_SECONDS * 1000,
    requestTimeoutMs: settings.REQUEST_TIMEOUT_SECONDS * MOVING_BODIES * 1000,
    keepAliveTimeoutMs: settings.KEEP_ALIVE_TIMEOUT_SECONDS * 1000,
    maxConnections: affordableConnections(settings.MAX_CONNECTIONS),
    draining: () => stopping.signal.aborted,
    onError: parts.onError,
    onRefused: createRefusals({ ...options, count: metrics.refused, stopping: stopping.signal }),
    onAnswered: (exchange) => {
      metrics.answered(exchange);
      const { dialect, status, requestId, ms } = exchange;
      // While load is shed, a log line per request would cost as much as the refusal. One line a minute covers them all.
      if (status >= 500 && load.shedding() === undefined)
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
      return closeServer(server, settings.REQUEST_TIMEOUT_SECONDS * 1000);
    },
  };
}

/** A body that keeps coming may take this many times REQUEST_TIMEOUT_SECONDS. */
const MOVING_BODIES = 2;
