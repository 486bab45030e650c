import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from '@koa/cors';
import Router from '@koa/router';
import Koa from 'koa';
import type { SideCall } from '../ingest/ingest.ts';
import type { RefusedRequest } from '../ingest/refusals.ts';
import { answerTo } from './error-answers.ts';
import { requestIdOf } from './inbound.ts';
import { createReadDeadline } from './large-answers.ts';

export type { Router };
export type Context = Koa.Context;

export interface KoaAppOptions {
  /** Paths of events and of the calls beside them. */
  readonly calls: readonly SideCall[];
  /** Answers a request to one of these paths. */
  readonly answerCall: (call: SideCall, request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Where events go, for people. */
  readonly eventPaths: readonly string[];
  /** Everything else that the gateway answers. */
  readonly routes: (router: Router) => void;
  readonly draining: () => boolean;
  readonly onRefused: (refused: RefusedRequest) => void;
  readonly onError: (error: unknown, requestId?: string) => void;
}

export interface KoaApp {
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** All paths except those of the admin API. */
  readonly publicPaths: ReadonlySet<string>;
}

/**
 * Koa, and the list of all routes. Koa answers everything but events; its routes for events call the same handler as `server.ts` does without
 * Koa.
 */
export function createKoaApp(options: KoaAppOptions): KoaApp {
  const app = new Koa();
  app.on('error', (error: unknown) => options.onError(error));
  const readDeadline = createReadDeadline();
  app.use(async (ctx, next) => {
    await next();
    readDeadline.watch(ctx);
  });
  app.use(errorsAsJson(options));
  // The event handler sets its own CORS headers. Pages may read nothing else, but caches must know that answers vary by origin.
  app.use(cors({ origin: () => '' }));
  // Exact paths only, like the handler before Koa.
  const router = new Router({ strict: true, sensitive: true });
  for (const call of options.calls)
    router.all(call.path, (ctx) => {
      ctx.respond = false;
      return options.answerCall(call, ctx.req, ctx.res);
    });
  options.routes(router);
  app.use(router.routes());
  if (options.eventPaths.length > 0) app.use(lostEvents(options));
  app.use(otherMethods);
  app.use(nothingHere(options));
  return { answer: app.callback(), publicPaths: publicPaths(router) };
}

const publicPaths = (router: Router): ReadonlySet<string> =>
  new Set(router.stack.map(({ path }) => String(path)).filter((path) => !/^\/admin\b|[:*(]/.test(path)));

/** Reports POSTs to unknown paths: events may be lost there. */
function lostEvents({ onRefused }: KoaAppOptions): Koa.Middleware {
  return async (ctx, next) => {
    await next();
    if (ctx.method !== 'POST') return;
    onRefused({ reason: 'address', message: 'no events are taken at this address', status: ctx.status });
  };
}

/** Answers 405 for a path that the router knows only with other methods. */
function otherMethods(ctx: Koa.Context, next: Koa.Next): Promise<void> | undefined {
  const methods = [...new Set(((ctx.matched ?? []) as Router['stack']).flatMap((layer) => layer.methods))];
  if (methods.length === 0) return next();
  ctx.status = 405;
  ctx.set('Allow', methods.sort().join(', '));
  ctx.body = {
    error: `ask ${ctx.path} with ${methods.filter((method) => method !== 'HEAD').join(' or ')}, not ${ctx.method}`,
  };
  return undefined;
}

function nothingHere({ eventPaths }: KoaAppOptions): Koa.Middleware {
  const places = eventPaths.map((path) => `POST ${path}`).join(' or ');
  return (ctx) => {
    ctx.status = 404;
    ctx.body = {
      error: `Nothing here: ${ctx.path.slice(0, 200)}. ${places ? `Events go to ${places}.` : 'This process takes no events.'}`,
    };
  };
}

/** Answers errors as JSON, with Retry-After for clients that should try again. */
export function errorsAsJson({ onError, draining }: Pick<KoaAppOptions, 'onError' | 'draining'>): Koa.Middleware {
  return async (ctx, next) => {
    const requestId = requestIdOf(ctx.req);
    ctx.set('X-Request-Id', requestId);
    try {
      if (isReadable(ctx)) await next();
      else ctx.throw(400, 'The address of the request cannot be read.');
    } catch (error) {
      const { status, message, retryAfterSeconds, isFault } = answerTo(error);
      if (isFault) onError(error, requestId);
      if (retryAfterSeconds !== undefined) ctx.set('Retry-After', String(retryAfterSeconds));
      ctx.status = status;
      ctx.body = { error: message };
    }
    if ((ctx.status === 503 || ctx.status === 429) && !ctx.res.hasHeader('Retry-After')) ctx.set('Retry-After', '1');
    if (draining()) ctx.set('Connection', 'close');
  };
}

/** Koa parses the URL lazily and throws if a full one cannot be parsed. */
function isReadable(ctx: Koa.Context): boolean {
  try {
    return typeof ctx.path === 'string';
  } catch {
    return false;
  }
}
