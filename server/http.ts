import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import cors from '@koa/cors';
import Router from '@koa/router';
import Koa from 'koa';
import bodyParser from 'koa-bodyparser';
import { type Dialect, RequestRefused } from '../adapters/dialects/dialect.ts';
import { LogUnavailable } from '../adapters/logs/log.ts';
import { ALLOWED_HEADERS, corsHeaders, EXPOSED_HEADERS, MAX_AGE_SECONDS } from './cors.ts';
import { prepareDecompression } from './decompression.ts';
import type { Hold } from './in-hand.ts';
import { inboundOf, requestIdOf } from './inbound.ts';
import { type Admission, type Answer, foreignOrigin, type Inbound, type Ingest } from './ingest.ts';
import type { Load, Strain } from './load.ts';
import { worthOf } from './worth.ts';

export type { Router };

/** A path of a dialect's contract that brings no events; tokens, origins, limits and errors are those of its events. */
export interface SideCall {
  readonly dialect: Dialect;
  readonly path: string;
  /** Throws as `Ingest.take` does. */
  answer(admission: Admission, body: Buffer): Promise<Answer>;
}

export interface HttpOptions {
  readonly dialects: readonly Dialect[];
  readonly ingest: Ingest;
  readonly sideCalls: readonly SideCall[];
  /** Asked what can be taken in, before anything is done for a request of a dialect. */
  readonly load: Load;
  /** Everything else the gateway answers, as Koa routes. */
  readonly routes: (router: Router) => void;
  readonly bodyMaxBytes: number;
  readonly trustProxyHops: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxConnections: number;
  /** Whether the gateway is stopping: answers then close their connections. */
  readonly draining: () => boolean;
  /** Called once per answered request of a dialect. */
  readonly onAnswered: (exchange: Answered) => void;
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

/**
 * The one importer of Koa. Event requests of the plain kind (a known path, a length, no compression: nearly all) are answered
 * before Koa, which would cost as much again as the work itself; whatever is unusual goes through Koa. Both ways run the same
 * steps and give the same answers.
 */
export function createHttp(options: HttpOptions): Server {
  const koa = createKoa(options).callback();
  const hot = new Map(options.dialects.map((dialect) => [dialect.path, dialect]));
  const isFlooded = floodGuard();
  const server = createServer(
    {
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 16 * 1024,
    },
    (request, response) => {
      if (isFlooded(request.socket) || namesTwoHosts(request)) return refuseConnection(response);
      const dialect = isPlain(request, options.bodyMaxBytes) ? hot.get(pathOf(request.url ?? '')) : undefined;
      if (dialect) void answerPlain(options, dialect, request, response);
      else void koa(request, response);
    },
  );
  limitConnections(server, options);
  return server;
}

/**
 * Closes what comes past the limit. Not by `server.maxConnections`: processes that share a port would hand such a connection to one
 * another without end.
 */
function limitConnections(server: Server, { maxConnections, load }: HttpOptions): void {
  let open = 0;
  server.on('connection', (socket: Socket) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
    if (open <= maxConnections) return;
    load.shed('connections', 'any');
    socket.destroy();
  });
}

/** Requests of one connection that are taken in one piece. Clients and proxies wait for each answer before they send the next. */
const AT_ONCE = 16;

/** Says of a connection whether it sent too many requests in one piece: all of them would be answered before anyone else has a turn. */
function floodGuard(): (socket: Socket) => boolean {
  const arrived = new WeakMap<Socket, { turn: number; requests: number }>();
  let turn = 0;
  let isOver = true;
  return (socket) => {
    if (isOver) {
      isOver = false;
      setImmediate(() => {
        turn += 1;
        isOver = true;
      });
    }
    const here = arrived.get(socket);
    if (here?.turn === turn) return ++here.requests > AT_ONCE;
    if (here === undefined) arrived.set(socket, { turn, requests: 1 });
    else {
      here.turn = turn;
      here.requests = 1;
    }
    return false;
  };
}

/** Who sends two may mean a proxy to see the one and us the other. Node takes the first. */
function namesTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}

/** The last answer of a connection, behind those to what it asked before. */
function refuseConnection(response: ServerResponse): void {
  response.writeHead(400, { Connection: 'close', 'Content-Length': 0 }).end();
}

function isPlain({ method, headers }: IncomingMessage, bodyMaxBytes: number): boolean {
  return (
    method === 'POST' &&
    Number(headers['content-length']) <= bodyMaxBytes &&
    headers['content-encoding'] === undefined &&
    headers['transfer-encoding'] === undefined
  );
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** The plain kind: no framework between the socket and the steps. */
async function answerPlain(
  options: HttpOptions,
  dialect: Dialect,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const started = performance.now();
  const inbound = inboundOf(request, options.trustProxyHops);
  const requestId = requestIdOf(request);
  const strain = options.load.strain(started);
  const { answer, admitted } =
    strain.pressure === 'all'
      ? turnedAway(options, dialect, strain)
      : await answerArriving(options, dialect, { request, inbound, strain, started });
  if (answer.isHeld) await options.load.holdBack();
  const { origin } = request.headers;
  const headers: Record<string, string> = { 'X-Request-Id': requestId, Vary: 'Origin', ...answer.headers };
  if (origin !== undefined && (admitted || options.ingest.readable(dialect, inbound, origin)))
    Object.assign(headers, corsHeaders(origin));
  if (answer.body !== undefined) headers['Content-Type'] = 'application/json';
  if (answer.status !== 204) headers['Content-Length'] = String(Buffer.byteLength(answer.body ?? ''));
  // Asked last: a request may have come before the gateway began to stop.
  if (options.draining()) headers.Connection = 'close';
  response.writeHead(answer.status, headers);
  response.end(answer.body);
  options.onAnswered({
    dialect: dialect.name,
    status: answer.status,
    requestId,
    ms: performance.now() - started,
    answer,
  });
}

/** On its own, so that nothing of the body stays while a refusal is held back. */
async function answerArriving(
  options: HttpOptions,
  dialect: Dialect,
  {
    request,
    inbound,
    strain,
    started,
  }: { request: IncomingMessage; inbound: Inbound; strain: Strain; started: number },
): Promise<Answering> {
  // Reading begins at once: a listener added after the first chunk would miss it.
  const { body, release } = bodyOf(request, options.load, started);
  const whole = () => body.then((bytes) => worthy(options, strain, bytes));
  const answering = await answerOf(options, dialect, inbound, whole, options.ingest.take);
  release();
  return answering;
}

interface Answering {
  readonly answer: Answer;
  /** Whether the headers were in order. */
  readonly admitted: boolean;
}

/** Refused before anything is read. Node throws the body away as it comes, so the connection can be used on. */
const turnedAway = ({ ingest, load }: HttpOptions, dialect: Dialect, { shortage }: Strain): Answering => ({
  answer: ingest.refuse(dialect, load.shed(shortage, 'any')),
  admitted: false,
});

/** Gives the body back, or throws where the gateway takes only better ones now, or others needed its room. */
function worthy({ load }: HttpOptions, { pressure, shortage }: Strain, body: Buffer | undefined): Buffer {
  if (body === undefined) throw load.shed('memory', 'any');
  if (pressure === 'browse' && worthOf(body) === 'browse') throw load.shed(shortage, 'browse');
  return body;
}

/** The steps of every request of a dialect. `body` is asked for only where the headers are in order. */
async function answerOf(
  { ingest, load }: HttpOptions,
  dialect: Dialect,
  inbound: Inbound,
  body: () => Promise<Buffer>,
  take: Ingest['take'],
): Promise<Answering> {
  let admitted = false;
  try {
    const admission = ingest.admit(dialect, inbound);
    admitted = true;
    const bytes = await body();
    await load.turn();
    return { answer: await take(admission, bytes), admitted };
  } catch (error) {
    return { answer: ingest.refuse(dialect, error), admitted };
  }
}

interface Arriving {
  /** Undefined where others needed its room. */
  readonly body: Promise<Buffer | undefined>;
  /** To be called with the answer. */
  release(): void;
}

function bodyOf(request: IncomingMessage, { inHand }: Load, started: number): Arriving {
  const announced = Number(request.headers['content-length']);
  const chunks: Buffer[] = [];
  let hold: Hold | undefined;
  let released = false;
  let arrive = (_body: Buffer | undefined): void => {};
  const body = new Promise<Buffer | undefined>((resolve) => {
    arrive = resolve;
  });
  const keep = (chunk: Buffer): void => {
    // Who is refused by the headers has the answer before the body is here.
    if (released) return;
    chunks.push(chunk);
    // Nearly all come in one piece, and need not be watched.
    if (chunk.length === announced) inHand.take(announced);
    else {
      hold ??= watched();
      hold.add(chunk.length);
    }
  };
  const watched = (): Hold => {
    const begun = inHand.begin(started, () => {
      request.off('data', keep);
      request.resume();
      chunks.length = 0;
      arrive(undefined);
    });
    // A client that goes away mid-body never ends it: nothing is stored and there is nobody to answer.
    request.on('close', () => begun.gone());
    return begun;
  };
  request.on('data', keep);
  request.on('end', () => {
    hold?.complete();
    arrive(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
  });
  return {
    body,
    release: () => {
      released = true;
      if (hold) hold.release();
      else if (chunks.length > 0) inHand.take(-announced);
      // The listeners live on with the request, while a refusal is held back.
      chunks.length = 0;
      arrive = () => {};
    },
  };
}

function createKoa(options: HttpOptions): Koa {
  const { dialects, ingest } = options;
  const app = new Koa();
  app.on('error', (error: unknown) => options.onError(error));
  const calls = [
    ...dialects.map((dialect) => ({ dialect, path: dialect.path, answer: ingest.take })),
    ...options.sideCalls,
  ];
  const byPath = new Map(calls.map(({ path, dialect }) => [path, dialect]));
  app.use(errorsAsJson(options));
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
    }),
  );
  // Exactly the paths of the contracts: those are the ones that CORS and the quick lane know.
  const router = new Router({ strict: true, sensitive: true });
  for (const call of calls) {
    router.post(call.path, (ctx) => answerUnusual(options, call, ctx));
    router.all(call.path, (ctx) => {
      ctx.set('Allow', 'POST, OPTIONS');
      reply(ctx, ingest.refuse(call.dialect, notPosted(ctx)));
    });
  }
  options.routes(router);
  app.use(router.routes());
  app.use((ctx) => {
    ctx.status = 404;
    const places = dialects.map(({ path }) => `POST ${path}`).join(' or ');
    ctx.body = {
      error: `Nothing here: ${ctx.path.slice(0, 200)}. ${places ? `Events go to ${places}.` : 'This process takes no events.'}`,
    };
  });
  return app;
}

/** Why what is no POST is refused. A preflight comes this far only where its origin is not let in. */
function notPosted(ctx: Koa.Context): RequestRefused {
  const isPreflight = ctx.method === 'OPTIONS' && ctx.get('Access-Control-Request-Method') !== '';
  return isPreflight && ctx.get('Origin') !== ''
    ? foreignOrigin(ctx.get('Origin'))
    : new RequestRefused(405, `send it with POST, not ${ctx.method}`);
}

/**
 * Chunked or compressed bodies, those too large, and what brings no events: read by koa-bodyparser, which limits what comes out
 * of the decompression.
 */
async function answerUnusual(
  options: HttpOptions,
  { dialect, path, answer: take }: SideCall,
  ctx: Koa.Context,
): Promise<void> {
  const started = performance.now();
  const strain = options.load.strain(started);
  const parse = bodyParser({
    enableTypes: ['text'],
    textLimit: `${options.bodyMaxBytes}b`,
    onerror: (error) => {
      throw refusalOf(error as Error & { status?: number }, options.bodyMaxBytes);
    },
  });
  const body = async () => {
    // Read as text whatever its type: the dialect has checked the type, and parses in its own words.
    ctx.req.headers['content-type'] = 'text/plain';
    prepareDecompression(ctx.req);
    const parsed = parse(ctx, async () => {});
    const hold = holdOf(ctx, options.load, started);
    limitChunks(ctx.req);
    await parsed;
    const bytes = Buffer.from(String(ctx.request.rawBody ?? ''));
    hold.add(bytes.length);
    if (path !== dialect.path) return bytes;
    try {
      return worthy(options, strain, bytes);
    } catch (error) {
      hold.release();
      throw error;
    }
  };
  const { answer } =
    strain.pressure === 'all'
      ? turnedAway(options, dialect, strain)
      : await answerOf(options, dialect, inboundOf(ctx.req, options.trustProxyHops), body, take);
  if (answer.status === 413 || strain.pressure === 'all') letRunOut(ctx.req);
  if (answer.isHeld) {
    // Thousands may be held back, and nobody reads them any more.
    Object.assign(ctx.request, { body: undefined, rawBody: undefined });
    await options.load.holdBack();
  }
  reply(ctx, answer);
  options.onAnswered({
    dialect: dialect.name,
    status: answer.status,
    requestId: ctx.response.get('X-Request-Id'),
    ms: performance.now() - started,
    answer,
  });
}

/** Counts what comes of a body that somebody else reads; the connection ends where others need its room. */
function holdOf({ req: request, res }: Koa.Context, { inHand, shed }: Load, started: number): Hold {
  const hold = inHand.begin(started, () => {
    shed('memory', 'any');
    request.socket.destroy();
  });
  request.on('data', (chunk: Buffer) => hold.add(chunk.length));
  request.on('end', () => hold.complete());
  request.on('close', () => hold.gone());
  res.on('close', () => hold.release());
  return hold;
}

/**
 * Takes in what is still under way and throws it away: a connection that is closed on a client that still sends is reset, and the client
 * never sees the answer. Up to 16 MB, which take some 10 ms.
 */
function letRunOut(request: IncomingMessage): void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > RUN_OUT_BYTES) request.socket.destroy();
  });
  // Whoever read it until now has paused it, as a full decompression would at each chunk.
  request.unpipe();
  request.resume();
}

const RUN_OUT_BYTES = 16 * 1024 ** 2;

/** A body in tiny chunks costs far more than its bytes: who sends one of so many is let go. */
function limitChunks(request: IncomingMessage): void {
  let chunks = 0;
  request.on('data', () => {
    chunks += 1;
    if (chunks > CHUNKS) request.socket.destroy();
  });
}

/** A large body comes in some 20. */
const CHUNKS = 5_000;

function refusalOf(error: Error & { status?: number }, limit: number): Error {
  if (error.status === 413)
    return new RequestRefused(413, `the body must have at most ${limit} bytes; send fewer events at once`);
  if (error.status === 415) return new RequestRefused(415, 'Content-Encoding must be gzip, deflate, br or none');
  return new RequestRefused(400, 'the body could not be decompressed or was cut short', undefined, { cause: error });
}

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
