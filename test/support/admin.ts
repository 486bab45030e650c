import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa from 'koa';
import { adminRoutes } from '../../server/admin/routes.ts';
import type { Clock } from '../../server/base/clock.ts';
import { createLogger } from '../../server/base/logger.ts';
import { errorsAsJson } from '../../server/http/koa-app.ts';
import { TestClock } from './clock.ts';
import { FakeOperations } from './operations.ts';

export const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789abcdef';

export interface Admin {
  readonly url: string;
  readonly port: number;
  readonly operations: FakeOperations;
  /** Everything logged, as JSON. */
  readonly logged: () => Record<string, unknown>[];
  /** Errors that nobody answered. */
  readonly errors: readonly unknown[];
  /** What the gateway does at its end: no more tails. */
  readonly stop: () => void;
  readonly close: () => Promise<void>;
}

/** The admin API in a Koa application of its own, on a free port. */
export async function openAdmin(
  options: {
    readonly token?: string | undefined;
    readonly clock?: Clock;
    readonly trustProxyHops?: number;
    readonly port?: number;
  } = {},
): Promise<Admin> {
  const { clock = new TestClock(), trustProxyHops = 0 } = options;
  const token = 'token' in options ? options.token : ADMIN_TOKEN;
  const operations = new FakeOperations();
  const lines: string[] = [];
  const errors: unknown[] = [];
  const stopping = new AbortController();
  const router = new Router();
  const logger = createLogger('info', { write: (line: string) => void lines.push(line) });
  adminRoutes(router, { operations, token, clock, logger, trustProxyHops, stopping: stopping.signal });
  const app = new Koa();
  app.use(errorsAsJson({ onError: (error) => void errors.push(error), draining: () => false }));
  app.use(router.routes());
  app.use((ctx) => {
    ctx.status = 404;
    ctx.body = { error: 'Nothing here.' };
  });
  const server = createServer(app.callback());
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    operations,
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    errors,
    stop: () => stopping.abort(),
    close: () => closed(server),
  };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
