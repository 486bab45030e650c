import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import cors from '@koa/cors';
import Router from '@koa/router';
import Koa from 'koa';
import { type Dialect, RequestRefused } from '../../adapters/dialects/dialect.ts';
import { LogUnavailable } from '../../adapters/logs/log.ts';
import { type Answer, foreignOrigin, type Ingest, type SideCall } from '../ingest/ingest.ts';
import { type RefusedRequest, refusedBefore } from '../ingest/refusals.ts';
import { createInputTurns } from '../overload/input-turns.ts';
import type { Load } from '../overload/load.ts';
import { createAddresses, pathOf } from './addresses.ts';
import { createDoor, limitConnections } from './connections.ts';
import { ALLOWED_HEADERS, EXPOSED_HEADERS, grantedHeaders, MAX_AGE_SECONDS } from './cors.ts';
import { answerCall, tellRefused } from './event-endpoint.ts';
import { createHeaderBudget } from './header-budget.ts';
import { inboundOf, requestIdOf } from './inbound.ts';
import { createReading } from './large-answers.ts';

export type { Router };
export type Context = Koa.Context;

export interface HttpOptions {
  readonly dialects: readonly Dialect[];
  readonly ingest: Ingest;
  readonly sideCalls: readonly SideCall[];
  /** Asked what can be taken in, before anything is done for a request of a dialect. */
  readonly load: Load;
  /** Everything else the gateway answers, as Koa routes. */
  readonly routes: (router: Router) => void;
  readonly bodyMaxBytes: number;
  readonly headersMaxBytes: number;
  /** Most bytes of unfinished headers, of all connections together. */
  readonly headersInFlightBytes: number;
  readonly trustProxyHops: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxConnections: number;
  /** Whether the gateway is stopping: answers then close their connections. */
  readonly draining: () => boolean;
  /** Called once per answered request of a dialect. */
  readonly onAnswered: (exchange: Answered) => void;
  /** Called with each request that is refused for what it is. */
  readonly onRefused: (refused: RefusedRequest) => void;
  readonly onError: (error: unknown, requestId?: string) => void;
}

export interface Answered {
  readonly dialect: string;
  readonly status: number;
  readonly requestId: string;
  /** Milliseconds from the headers to the answer. */
  readonly ms: number;
  readonly answer: Answer;
}

/** How often unfinished headers and bodies are looked at. */
const LOOK_EVERY_MS = 500;

/**
 * The one importer of Koa. The paths of events have one handler for bodies in every form, which is asked before Koa: that would cost as much again
 * as the work itself. The router knows the same handler, for addresses that only Koa understands.
 */
export function createHttp(options: HttpOptions): Server {
  const calls = callsOf(options);
  const { koa, paths } = createKoa(options, calls);
  const addressed = createAddresses(paths);
  const posted = new Map(calls.map((call) => [call.path, call]));
  const { load } = options;
  const inputs = createInputTurns({
    isOfOneClient: options.trustProxyHops === 0,
    onFull: () => void load.shed('memory', 'any'),
  });
  const headers = createHeaderBudget({
    unparsed: inputs.unparsed,
    maxBytes: options.headersInFlightBytes,
    headersMaxBytes: options.headersMaxBytes,
    onEvicted: () => load.shed('memory', 'any'),
  });
  const isTurnedAway = createDoor(headers, inputs, () => options.onRefused(ILL_FRAMED));
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (isTurnedAway(request, response)) return;
    request.url = addressed(request.url ?? '');
    const call = request.method === 'POST' ? posted.get(pathOf(request.url)) : undefined;
    if (call) void answerCall(options, call, request, response);
    else koa(request, response).catch((error: unknown) => broken(options, response, error));
  };
  const server = createServer(
    {
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      connectionsCheckingInterval: 1000,
      // Refused with the others that are framed oddly, so that it leaves a trace as they do.
      requireHostHeader: false,
      maxHeaderSize: options.headersMaxBytes,
    },
    (request, response) => {
      try {
        serve(request, response);
      } catch (error) {
        broken(options, response, error);
      }
    },
  );
  // Node would answer by itself, past the door, as often as such requests come.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    if (isTurnedAway(request, response)) return;
    options.onRefused(EXPECTING);
    response.writeHead(EXPECTING.status, { 'Content-Length': 0 }).end();
  });
  limitConnections(server, { ...options, headers, inputs });
  tellRefusedBefore(server, options.onRefused);
  const looking = setInterval(() => {
    load.inHand.endStalled(performance.now(), options.headersTimeoutMs);
    headers.makeRoom();
  }, LOOK_EVERY_MS);
  looking.unref();
  server.once('close', () => clearInterval(looking));
  return server;
}

/** Paths that take a POST of a shop: those of events, and their side calls. */
const callsOf = ({ dialects, ingest, sideCalls }: HttpOptions): readonly SideCall[] => [
  ...dialects.map((dialect) => ({ dialect, path: dialect.path, answer: ingest.take })),
  ...sideCalls,
];

const ILL_FRAMED: RefusedRequest = {
  reason: 'framing',
  status: 400,
  message: 'the request is framed in a way that proxies read differently, or too many came at once',
};

const EXPECTING: RefusedRequest = {
  reason: 'expectation',
  status: 417,
  message: 'Expect must be 100-continue, or left out',
};

/** Tells of what Node refuses before it is a request. Node answers it as if nobody listened. */
function tellRefusedBefore(server: Server, tell: HttpOptions['onRefused']): void {
  const emit = server.emit.bind(server) as (name: string, ...args: unknown[]) => boolean;
  server.emit = (name: string, ...args: unknown[]): boolean => {
    const refused = name === 'clientError' ? refusedBefore(args[0]) : undefined;
    if (refused) tell(refused);
    return emit(name, ...args);
  };
}

/** The net below all others. */
function broken({ onError }: HttpOptions, response: ServerResponse, error: unknown): void {
  onError(error);
  response.destroy();
}

/** What Koa answers, and the paths that anybody may ask for. */
interface Answering {
  readonly koa: ReturnType<Koa['callback']>;
  readonly paths: ReadonlySet<string>;
}

function createKoa(options: HttpOptions, calls: readonly SideCall[]): Answering {
  const { dialects, ingest } = options;
  const app = new Koa();
  app.on('error', (error: unknown) => options.onError(error));
  const byPath = new Map(calls.map(({ path, dialect }) => [path, dialect]));
  const reading = createReading();
  app.use(async (ctx, next) => {
    await next();
    reading.answering(ctx);
  });
  app.use(errorsAsJson(options));
  app.use(async (ctx, next) => {
    await next();
    if (!ctx.response.get('Access-Control-Allow-Headers')) return;
    ctx.set('Access-Control-Allow-Headers', grantedHeaders(ctx.get('Access-Control-Request-Headers')));
    ctx.vary('Access-Control-Request-Headers');
  });
  app.use(
    cors({
      origin: (ctx) => {
        const dialect = byPath.get(ctx.path);
        const origin = ctx.get('Origin');
        return dialect && ingest.readable(dialect, inboundOf(ctx.req, options.trustProxyHops), origin) ? origin : '';
      },
      credentials: true,
      allowMethods: 'POST',
      allowHeaders: [...ALLOWED_HEADERS],
      exposeHeaders: [...EXPOSED_HEADERS],
      maxAge: String(MAX_AGE_SECONDS),
      // Pages of other networks are what these paths are for.
      privateNetworkAccess: true,
    }),
  );
  // Exactly the paths of the contracts: those are the ones that CORS and the quick lane know.
  const router = new Router({ strict: true, sensitive: true });
  for (const call of calls) {
    router.post(call.path, (ctx) => {
      ctx.respond = false;
      return answerCall(options, call, ctx.req, ctx.res);
    });
    router.all(call.path, (ctx) => {
      ctx.set('Allow', 'POST, OPTIONS');
      if (ctx.method === 'OPTIONS' && !isPreflight(ctx)) {
        ctx.status = 204;
        return;
      }
      const answer = ingest.refuse(call.dialect, notPosted(ctx));
      tellRefused(options, call.dialect, ctx.req, answer);
      reply(ctx, answer);
    });
  }
  options.routes(router);
  app.use(router.routes());
  app.use(async (ctx, next) => {
    await next();
    if (ctx.method === 'POST' && dialects.length > 0) options.onRefused({ ...NOWHERE, status: ctx.status });
  });
  app.use(otherMethods);
  app.use((ctx) => {
    ctx.status = 404;
    const places = dialects.map(({ path }) => `POST ${path}`).join(' or ');
    ctx.body = {
      error: `Nothing here: ${ctx.path.slice(0, 200)}. ${places ? `Events go to ${places}.` : 'This process takes no events.'}`,
    };
  });
  return { koa: app.callback(), paths: publicPaths(router) };
}

/** All but those of the admin API, which has a gate. */
const publicPaths = (router: Router): ReadonlySet<string> =>
  new Set(router.stack.map(({ path }) => String(path)).filter((path) => !/^\/admin\b|[:*(]/.test(path)));

/** For an address that the router knows by other methods. */
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

const NOWHERE = { reason: 'address', message: 'no events are taken at this address' };

/** Why what is no POST is refused. A preflight comes this far only where its origin is not let in. */
function notPosted(ctx: Koa.Context): RequestRefused {
  return isPreflight(ctx)
    ? foreignOrigin(ctx.get('Origin'))
    : new RequestRefused(405, `send it with POST, not ${ctx.method}`);
}

const isPreflight = (ctx: Koa.Context): boolean =>
  ctx.method === 'OPTIONS' && ctx.get('Access-Control-Request-Method') !== '' && ctx.get('Origin') !== '';

function reply(ctx: Koa.Context, { status, body, headers }: Answer): void {
  ctx.set(headers);
  ctx.status = status;
  if (body === undefined) return;
  ctx.body = body;
  ctx.set('Content-Type', 'application/json');
}

function unavailable(ctx: Koa.Context, { message }: LogUnavailable): void {
  ctx.status = 503;
  ctx.body = { error: `The log cannot be reached now (${message}); try again.` };
}

/** Koa reads the address when it is asked for its path, and throws where one in absolute form is none. */
function isReadable(ctx: Koa.Context): boolean {
  try {
    return typeof ctx.path === 'string';
  } catch {
    return false;
  }
}

/** The last net: an error of ours is logged and answered as JSON, without its text. */
function errorsAsJson({ onError, draining }: HttpOptions): Koa.Middleware {
  return async (ctx, next) => {
    ctx.set('X-Request-Id', requestIdOf(ctx.req));
    try {
      if (isReadable(ctx)) await next();
      else ctx.throw(400, 'The address of the request cannot be read.');
    } catch (error) {
      if (error instanceof LogUnavailable) unavailable(ctx, error);
      else failed(ctx, error, onError);
    }
    // Whoever is told to come again is told when.
    if ((ctx.status === 503 || ctx.status === 429) && !ctx.res.hasHeader('Retry-After')) ctx.set('Retry-After', '1');
    if (draining()) ctx.set('Connection', 'close');
  };
}

function failed(ctx: Koa.Context, error: unknown, onError: HttpOptions['onError']): void {
  const { status = 500, expose = false, message } = error as Error & { status?: number; expose?: boolean };
  if (status >= 500) onError(error, String(ctx.res.getHeader('X-Request-Id')));
  ctx.status = status;
  ctx.body = { error: expose ? message : 'Something went wrong here. The request id names the log line.' };
}
