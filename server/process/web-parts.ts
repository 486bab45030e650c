import { randomUUID } from 'node:crypto';
import { dialects } from '../../adapters/dialects/index.ts';
import type { Settings } from '../../schemas/settings.ts';
import { placesOf } from '../base/places.ts';
import type { HttpOptions } from '../http/server.ts';
import { createEnricher } from '../ingest/enrich/enrich.ts';
import { openGeoDatabase } from '../ingest/enrich/geo.ts';
import type { SideCall } from '../ingest/ingest.ts';
import { createRates } from '../ingest/rates.ts';
import type { Shops } from '../ingest/shops.ts';
import { createSideCalls } from '../ingest/side-calls/side-calls.ts';
import { createUpstream } from '../ingest/side-calls/upstream.ts';
import { createVisitors } from '../ingest/side-calls/visitors.ts';
import type { Load } from '../overload/load.ts';
import type { Shortage } from '../overload/pressure.ts';
import type { WebOptions } from './web.ts';

/** Log messages for each shortage. */
export const SHEDDING: Readonly<Record<Shortage, string>> = {
  delay:
    'more comes than this process can do; browse events are answered 503 first, and everything where that is not enough',
  memory:
    'the bodies in hand fill most of MAX_IN_FLIGHT_BYTES; of shops that hold more than their share, browse events are answered 503 first, and everything where they fill all of it',
  disk: 'the disk of the log is nearly full; requests are answered 503, those with browse events first',
  connections:
    'there are as many connections as MAX_CONNECTIONS, or the limit of open files, allow; more are closed at once',
};

/** What the parts of the web half share. */
export interface Parts extends WebOptions {
  readonly shops: () => Shops;
  readonly stopping: AbortSignal;
  readonly load: Load;
  readonly onError: HttpOptions['onError'];
}

/** Errors that any client can cause: no HTTP, an incomplete request, a broken connection. */
const BY_CLIENTS = /^(HPE_.*|ERR_HTTP_REQUEST_TIMEOUT|ECONNRESET|ECONNABORTED|EPIPE)$/;

/** Logs a failed request; one that its client caused only at debug level. */
export const errorLogger =
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

/** The tools that ingest and the side calls share: log, limits of events and clock. */
export const toolsOf = ({ settings, store, clock }: WebOptions) => ({
  log: store.log,
  limits: {
    depth: settings.EVENT_MAX_DEPTH,
    keys: settings.EVENT_MAX_KEYS,
    text: settings.EVENT_MAX_TEXT,
    eventBytes: settings.EVENT_MAX_BYTES,
  },
  now: clock.now,
});

/** The rate limits of tokens and shops. */
export const ratesOf = ({ settings, clock, logger }: WebOptions) =>
  createRates({
    perToken: settings.RATE_PER_TOKEN,
    perShop: settings.RATE_PER_SHOP,
    now: clock.steady,
    onExceeded: ({ config: { shop } }) =>
      logger.warn({ shop }, 'more requests came than its rate limits allow; they are answered 429'),
  });

/** What enriches events; opens the geo database that GEOIP_DB names. Throws ConfigError. */
export async function enricher({ GEO_HEADERS, GEOIP_DB }: Settings) {
  const geoDatabase = GEOIP_DB === undefined ? undefined : await openGeoDatabase(GEOIP_DB);
  return createEnricher({ geoHeaders: GEO_HEADERS, geoDatabase });
}

/** The side calls of the dialects. */
export function sideCallsOf(parts: Parts): SideCall[] {
  const { log, limits } = toolsOf(parts);
  const { clock, logger, stopping, onError } = parts;
  const now = clock.steady;
  return createSideCalls(dialects, {
    visitors: createVisitors(log, now),
    upstream: createUpstream({
      now,
      stopping,
      onFailed: (upstream, reason) =>
        logger.warn({ upstream, reason }, 'an upstream did not answer a call; such calls are answered here for 10 s'),
    }),
    mint: randomUUID,
    limits,
    onError,
  });
}
