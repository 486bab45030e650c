import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Dialect } from '../../adapters/dialects/dialect.ts';
import type { SideCall } from '../ingest/ingest.ts';
import { type RefusedRequest, refusalOfParserError } from '../ingest/refusals.ts';
import { createInputScheduler } from '../overload/input-scheduler.ts';
import { createAddresses, pathOf } from './addresses.ts';
import { createFloodGuard, limitConnections } from './connections.ts';
import { answerCall, type EventEndpointOptions } from './event-endpoint.ts';
import { createHeaderBudget } from './header-budget.ts';
import { createKoaApp, type Router } from './koa-app.ts';
import { hasLastAnswer } from './large-answers.ts';

export interface HttpOptions extends EventEndpointOptions {
  readonly dialects: readonly Dialect[];
  readonly sideCalls: readonly SideCall[];
  /** Everything else the gateway answers, as Koa routes. */
  readonly routes: (router: Router) => void;
  readonly headersMaxBytes: number;
  /** Most bytes of unfinished headers, of all connections together. */
  readonly headersInFlightBytes: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxConnections: number;
}

/** How often unfinished headers and bodies are checked. */
const LOOK_EVERY_MS = 500;

/** The HTTP server. Paths of events have one handler, which is called before Koa: Koa would cost as much again as the work itself. */
export function createHttp(options: HttpOptions): Server {
  const { load } = options;
  const calls = callsOf(options);
  const eventPaths = options.dialects.map(({ path }) => path);
  const koa = createKoaApp({
    ...options,
    calls,
    eventPaths,
    answerCall: (...exchange) => answerCall(options, ...exchange),
  });
  const addressed = createAddresses(koa.publicPaths);
  const callAt = new Map(calls.map((call) => [call.path, call]));
  const inputs = createInputScheduler({
    isOfOneClient: options.trustProxyHops === 0,
    onFull: () => void load.refusal('memory', 'any'),
    hasLastAnswer,
  });
  const headers = createHeaderBudget({
    unparsed: inputs.unparsedBytes,
    maxBytes: options.headersInFlightBytes,
    headersMaxBytes: options.headersMaxBytes,
    onEvicted: () => load.refusal('memory', 'any'),
  });
  const refusesFlood = createFloodGuard(headers, inputs, () => options.onRefused(ILL_FRAMED));
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (refusesFlood(request, response)) return;
    request.url = addressed(request.url ?? '');
    const call = callAt.get(pathOf(request.url));
    if (call) void answerCall(options, call, request, response);
    else koa.answer(request, response).catch((error: unknown) => breakOff(options, response, error));
  };
  const server = createServer(serverOptions(options), (request, response) => {
    try {
      serve(request, response);
    } catch (error) {
      breakOff(options, response, error);
    }
  });
  // Without a listener Node answers such requests itself and bypasses the flood guard.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    if (refusesFlood(request, response)) return;
    options.onRefused(EXPECTING);
    response.writeHead(EXPECTING.status, { 'Content-Length': 0 }).end();
  });
  limitConnections(server, { ...options, headers, inputs });
  tellRefusedBefore(server, options.onRefused);
  const looking = setInterval(() => {
    load.bodies.endStalled(performance.now(), options.headersTimeoutMs);
    headers.makeRoom();
  }, LOOK_EVERY_MS);
  looking.unref();
  server.once('close', () => clearInterval(looking));
  return server;
}

/** The paths that take POSTs for a shop: events and side calls. */
const callsOf = ({ dialects, ingest, sideCalls }: HttpOptions): readonly SideCall[] => [
  ...dialects.map((dialect) => ({ dialect, path: dialect.path, answer: ingest.take })),
  ...sideCalls,
];

const serverOptions = (options: HttpOptions) => ({
  headersTimeout: options.headersTimeoutMs,
  requestTimeout: options.requestTimeoutMs,
  keepAliveTimeout: options.keepAliveTimeoutMs,
  connectionsCheckingInterval: 1000,
  // The flood guard refuses a missing Host, so that it is counted and logged like other bad framing.
  requireHostHeader: false,
  maxHeaderSize: options.headersMaxBytes,
});

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

/** Reports input that Node refuses before it is a request. Node answers it as it would without this listener. */
function tellRefusedBefore(server: Server, tell: HttpOptions['onRefused']): void {
  const emit = server.emit.bind(server) as (name: string, ...args: unknown[]) => boolean;
  server.emit = (name: string, ...args: unknown[]): boolean => {
    const refused = name === 'clientError' ? refusalOfParserError(args[0]) : undefined;
    if (refused) tell(refused);
    return emit(name, ...args);
  };
}

/** The last resort, if an error escapes the error handlers. */
function breakOff({ onError }: HttpOptions, response: ServerResponse, error: unknown): void {
  onError(error);
  response.destroy();
}
