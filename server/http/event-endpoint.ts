import type { IncomingMessage, ServerResponse } from 'node:http';
import { RequestRefused } from '../../adapters/dialects/dialect.ts';
import {
  type Admission,
  type Answer,
  type Caller,
  foreignOrigin,
  type Ingest,
  type SideCall,
} from '../ingest/ingest.ts';
import type { RefusedRequest } from '../ingest/refusals.ts';
import type { Load } from '../overload/load.ts';
import { isPreflight, preflightGrant, readableBy } from './cors.ts';
import { type Refusal, refusalOf } from './error-answers.ts';
import { InboundOfRequest, requestIdOf } from './inbound.ts';
import { type ArrivingBody, readBody } from './request-body.ts';

export interface EventEndpointOptions {
  readonly ingest: Ingest;
  readonly load: Load;
  readonly bodyMaxBytes: number;
  readonly trustProxyHops: number;
  /** Whether the gateway is stopping: answers then close their connections. */
  readonly draining: () => boolean;
  /** Called once per answered POST. */
  readonly onAnswered: (exchange: Answered) => void;
  /** Called with each request that is refused because it is wrong. */
  readonly onRefused: (refused: RefusedRequest) => void;
  /** Called with faults of the gateway. */
  readonly onError: (error: unknown, requestId?: string) => void;
}

export interface Answered {
  readonly dialect: string;
  readonly status: number;
  readonly requestId: string;
  /** Milliseconds from the headers to the answer. */
  readonly ms: number;
}

/** One request and what is known of it. */
interface Exchange {
  readonly call: SideCall;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly caller: Caller;
  /** By `performance.now()`. */
  readonly startedAt: number;
}

/** What becomes of a request. */
interface Outcome {
  readonly answer: Answer;
  /** Why the request failed, if it did. */
  readonly refusal?: Refusal;
  /** Whether the body was abandoned before its end. The connection then takes no further request. */
  readonly isGivenUp?: boolean;
}

/**
 * Answers a request to a path of events, or of a call beside them: POSTs with bodies in any form, preflights, and other methods. Never rejects:
 * a fault is logged once with its request id, and answered 500 unless an answer has begun.
 */
export async function answerCall(
  options: EventEndpointOptions,
  call: SideCall,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let requestId: string | undefined;
  try {
    const startedAt = performance.now();
    requestId = requestIdOf(request);
    const caller = options.ingest.identify(call.dialect, new InboundOfRequest(request, options.trustProxyHops));
    const exchange = { call, request, response, requestId, caller, startedAt };
    if (request.method === 'POST') await answerPost(options, exchange);
    else await conclude(options, exchange, otherMethod(exchange));
  } catch (error) {
    answerFault(options, call, response, error, requestId);
  }
}

async function answerPost(options: EventEndpointOptions, exchange: Exchange): Promise<void> {
  const { call, requestId, startedAt } = exchange;
  const outcome = await post(options, exchange);
  await conclude(options, exchange, outcome);
  options.onAnswered({
    dialect: call.dialect.name,
    status: outcome.answer.status,
    requestId,
    ms: performance.now() - startedAt,
  });
}

/** The steps of every POST. Separate from the rest, so that the body can be freed while a refusal is delayed. */
async function post(options: EventEndpointOptions, exchange: Exchange): Promise<Outcome> {
  const { ingest, load, bodyMaxBytes } = options;
  const { call, request, caller, startedAt } = exchange;
  let body: ArrivingBody | undefined;
  const isGivenUp = (): boolean => body?.isGivenUp() ?? false;
  try {
    const admission = ingest.admit(caller);
    const { shop } = admission.shop.config;
    const { pressure, shortage } = load.currentPressure(startedAt, shop);
    if (pressure === 'all') throw load.refusal(shortage, 'any');
    body = readBody(request, { load, shop, maxBytes: bodyMaxBytes, onCost: chargeTo(ingest, admission) });
    const bytes = await body.whole;
    const isEvents = call.path === caller.dialect.path;
    if (isEvents && pressure === 'browse' && caller.dialect.priorityOf(bytes) === 'browse')
      throw load.refusal(shortage, 'browse');
    await load.enter(shop);
    return { answer: await call.answer(admission, bytes), isGivenUp: isGivenUp() };
  } catch (error) {
    return { ...refused(options, exchange, error), isGivenUp: isGivenUp() };
  } finally {
    body?.release();
  }
}

/** Outside of `post`: it lives as long as the request, and a closure inside would keep the body in memory. */
const chargeTo =
  (ingest: Ingest, admission: Admission) =>
  (bytes: number): void =>
    ingest.spend(admission, bytes);

const ALLOW = { Allow: 'POST, OPTIONS' };

function otherMethod({ call, request, caller }: Exchange): Outcome {
  const { method, headers } = request;
  if (method !== 'OPTIONS') return notAllowed(call, new RequestRefused(405, `send it with POST, not ${method}`));
  if (!isPreflight(request)) return { answer: { status: 204, headers: ALLOW } };
  if (!caller.allowsOrigin) return notAllowed(call, foreignOrigin(caller.inbound));
  return { answer: { status: 204, headers: preflightGrant(String(headers.origin), request) } };
}

function notAllowed({ dialect }: SideCall, error: RequestRefused): Outcome {
  const refusal = refusalOf(error, dialect);
  return { answer: { ...refusal.answer, headers: { ...ALLOW, ...refusal.answer.headers } }, refusal };
}

function refused({ onError }: EventEndpointOptions, { call, requestId }: Exchange, error: unknown): Outcome {
  const refusal = refusalOf(error, call.dialect);
  if (refusal.isFault) onError(error, requestId);
  return { answer: refusal.answer, refusal };
}

/** Sends the answer, after a delay if it is a delayed refusal, and reports refusals. */
async function conclude(options: EventEndpointOptions, exchange: Exchange, outcome: Outcome): Promise<void> {
  const { answer, refusal, isGivenUp = false } = outcome;
  if (refusal?.isDelayed) await options.load.delayRefusal();
  const { request, requestId, caller } = exchange;
  const headers: Record<string, string> = { 'X-Request-Id': requestId, Vary: 'Origin', ...answer.headers };
  const { origin } = request.headers;
  if (origin && caller.allowsOrigin && request.method !== 'OPTIONS') Object.assign(headers, readableBy(origin));
  // Checked last, since a stop may have begun after the request came.
  if (isGivenUp || options.draining() || isEndless(request, answer)) headers.Connection = 'close';
  write(exchange.response, answer, headers);
  if (refusal?.leaves === undefined) return;
  const { status } = answer;
  const shop = options.ingest.shopOf(caller);
  options.onRefused({ ...refusal.leaves, status, dialect: caller.dialect.name, shop, origin });
}

/** Whether a client over its rate limit sends a body of unknown length. Each further chunk would cost parsing, so its connection ends. */
const isEndless = ({ complete, headers }: IncomingMessage, { status }: Answer): boolean =>
  status === 429 && !complete && headers['transfer-encoding'] !== undefined;

function write(response: ServerResponse, { status, body }: Answer, headers: Record<string, string>): void {
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (status !== 204) headers['Content-Length'] = String(Buffer.byteLength(body ?? ''));
  response.writeHead(status, headers);
  response.end(body);
}

function answerFault(
  { onError }: EventEndpointOptions,
  { dialect }: SideCall,
  response: ServerResponse,
  error: unknown,
  requestId: string | undefined,
): void {
  try {
    onError(error, requestId);
    // The answer has been sent, at least in part, so there is nothing to add.
    if (response.writableEnded) return;
    if (response.headersSent) response.destroy();
    else {
      const { answer } = refusalOf(error, dialect);
      write(response, answer, { ...(requestId !== undefined && { 'X-Request-Id': requestId }), ...answer.headers });
    }
  } catch {
    response.destroy();
  }
}
