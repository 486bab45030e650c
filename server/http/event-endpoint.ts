import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Dialect, RequestRefused } from '../../adapters/dialects/dialect.ts';
import type { Admission, Answer, Inbound, SideCall } from '../ingest/ingest.ts';
import { corsHeaders } from './cors.ts';
import { inboundOf, requestIdOf } from './inbound.ts';
import { type ArrivingBody, readBody } from './request-body.ts';
import type { HttpOptions } from './server.ts';

/**
 * Answers a POST to a path of a dialect, in whatever form its body comes. Never rejects: what is thrown anywhere on its way is logged once with
 * its request id, and answered 503 in the words of the dialect, where no answer has begun.
 */
export async function answerCall(
  options: HttpOptions,
  call: SideCall,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let requestId: string | undefined;
  try {
    requestId = requestIdOf(request);
    await answered(options, call, { request, response, requestId });
  } catch (error) {
    answerFault(options, call.dialect, response, error, requestId);
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
}

async function answered(options: HttpOptions, call: SideCall, { request, response, requestId }: Exchange) {
  const { dialect } = call;
  const started = performance.now();
  const inbound = inboundOf(request, options.trustProxyHops);
  const { answer, admitted, isGivenUp } = await answerOf(options, call, { request, inbound, started, requestId });
  if (answer.isHeld) await options.load.holdBack();
  const { origin } = request.headers;
  const headers: Record<string, string> = { 'X-Request-Id': requestId, Vary: 'Origin', ...answer.headers };
  if (origin && (admitted || options.ingest.readable(dialect, inbound, origin)))
    Object.assign(headers, corsHeaders(origin));
  // Asked last: a request may have come before the gateway began to stop.
  if (isGivenUp || options.draining() || isEndless(request, answer)) headers.Connection = 'close';
  write(response, answer, headers);
  tellRefused(options, dialect, request, answer);
  options.onAnswered({
    dialect: dialect.name,
    status: answer.status,
    requestId,
    ms: performance.now() - started,
    answer,
  });
}

/** Tells of a request that is refused for what it is. */
export function tellRefused(
  { ingest, onRefused, trustProxyHops }: HttpOptions,
  dialect: Dialect,
  request: IncomingMessage,
  { status, refused }: Answer,
): void {
  if (!refused) return;
  const shop = ingest.shopOf(dialect, inboundOf(request, trustProxyHops));
  onRefused({ ...refused, status, dialect: dialect.name, shop, origin: request.headers.origin });
}

/** Out here, since it lives as long as the request: from in there it would keep the body alive. */
const chargeTo =
  (ingest: HttpOptions['ingest'], admission: Admission) =>
  (bytes: number): void =>
    ingest.spend(admission, bytes);

/** A client past its rate whose body has no announced end: each of its chunks would still have to be looked at. */
const isEndless = ({ complete, headers }: IncomingMessage, { status }: Answer): boolean =>
  status === 429 && !complete && headers['transfer-encoding'] !== undefined;

interface Answering {
  readonly answer: Answer;
  /** Whether the headers were in order. */
  readonly admitted: boolean;
  /** Whether its body was given up before its end, so that nothing else can come on this connection. */
  readonly isGivenUp: boolean;
}

/** The steps of every request of a dialect. Separate, so that nothing of the body is kept while a refusal is held back. */
async function answerOf(
  { ingest, load, bodyMaxBytes }: HttpOptions,
  { dialect, path, answer: take }: SideCall,
  {
    request,
    inbound,
    started,
    requestId,
  }: { request: IncomingMessage; inbound: Inbound; started: number; requestId: string },
): Promise<Answering> {
  let admitted = false;
  let body: ArrivingBody | undefined;
  const done = (answer: Answer): Answering => ({ answer, admitted, isGivenUp: body?.isGivenUp() ?? false });
  try {
    const admission = ingest.admit(dialect, inbound);
    admitted = true;
    const { shop } = admission.shop.config;
    const { pressure, shortage } = load.strain(started, shop);
    if (pressure === 'all') throw load.shed(shortage, 'any');
    body = readBody(request, { load, shop, maxBytes: bodyMaxBytes, onCost: chargeTo(ingest, admission) });
    const bytes = await body.whole;
    const isEvents = path === dialect.path;
    if (isEvents && pressure === 'browse' && dialect.priorityOf(bytes) === 'browse')
      throw load.shed(shortage, 'browse');
    await load.turn(shop);
    return done(await take(admission, bytes));
  } catch (error) {
    return done(ingest.refuse(dialect, error, requestId));
  } finally {
    body?.release();
  }
}

function write(response: ServerResponse, { status, body }: Answer, headers: Record<string, string>): void {
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (status !== 204) headers['Content-Length'] = String(Buffer.byteLength(body ?? ''));
  response.writeHead(status, headers);
  response.end(body);
}

const FAULT = new RequestRefused(503, 'the gateway failed at this request; send it again');

function answerFault(
  { ingest, onError }: HttpOptions,
  dialect: Dialect,
  response: ServerResponse,
  error: unknown,
  requestId: string | undefined,
): void {
  try {
    onError(error, requestId);
    // The answer has begun, and often is complete: there is nothing to say any more.
    if (response.writableEnded) return;
    if (response.headersSent) response.destroy();
    else {
      const answer = ingest.refuse(dialect, FAULT);
      write(response, answer, { ...(requestId !== undefined && { 'X-Request-Id': requestId }), ...answer.headers });
    }
  } catch {
    response.destroy();
  }
}
