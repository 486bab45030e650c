import { dialects } from '../../adapters/dialects/index.ts';
import { LogUnavailable } from '../../adapters/logs/log.ts';
import { adminRoutes } from '../admin/routes.ts';
import document from '../docs/openapi.json' with { type: 'json' };
import type { Router } from '../http/koa-app.ts';
import { cachedFor, largeAnswerOf, sendLargeAnswer } from '../http/large-answers.ts';
import { rootPage } from '../http/root-page.ts';
import { type Readiness, readiness, unreachable } from '../operate/health.ts';
import { createOperations } from '../operate/operator.ts';
import { type Parts, toolsOf } from './web-parts.ts';

/** Metrics may be this old, since anyone may ask for them as often as they like. */
const METRICS_MS = 1000;

/** Routes that say how this process does. */
export function healthRoutes(router: Router, parts: Parts): void {
  const { store, metrics, stopping, clock } = parts;
  const root = rootPage(parts.serves === 'everything' ? dialects.map(({ path }) => path) : []);
  router.get('/', (ctx) => {
    ctx.type = 'application/json';
    ctx.body = root;
  });
  router.get('/healthz', (ctx) => {
    ctx.body = { ok: true };
  });
  const reported = coalesce(() => reportOf(parts));
  const rendered = cachedFor(METRICS_MS, clock.steady, async () =>
    largeAnswerOf(metrics.contentType, await metrics.render()),
  );
  router.get('/readyz', async (ctx) => {
    const report = await reported().catch((error: unknown) => {
      if (error instanceof LogUnavailable) return unreachable(store, stopping.aborted, error);
      throw error;
    });
    ctx.status = report.ready ? 200 : 503;
    const shedding = parts.load.shedding();
    ctx.body = shedding === undefined ? report : { ...report, shedding };
  });
  router.get('/metrics', async (ctx) => {
    sendLargeAnswer(ctx, await rendered());
  });
}

/** The OpenAPI document and the admin API. */
export function otherRoutes(router: Router, parts: Parts): void {
  const { settings, clock, logger, stopping } = parts;
  const description = largeAnswerOf('application/json', JSON.stringify(document));
  router.get('/openapi.json', (ctx) => {
    sendLargeAnswer(ctx, description);
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

/** Shares one call between all simultaneous callers: anyone may ask, and each answer costs the log several queries. */
function coalesce<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask().finally(() => {
      answer = undefined;
    });
    return answer;
  };
}
