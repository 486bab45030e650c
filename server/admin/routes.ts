import type { IncomingMessage } from 'node:http';
import type Router from '@koa/router';
import type { Context } from 'koa';
import bodyParser from 'koa-bodyparser';
import { onAbort } from '../../adapters/on-abort.ts';
import type { Clock } from '../base/clock.ts';
import { BodyRefused, KnownError, NotFound } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { clientAddress } from '../http/client-address.ts';
import { prepareDecompression } from '../http/decompression.ts';
import type { Operations } from '../operate/operations.ts';
import { type AnsweredCall, answeredCalls, type Prepared, type StreamedCall, streamedCalls } from './answers.ts';
import { adminCalls } from './calls.ts';
import { inputOf } from './input.ts';
import { writeLines } from './lines.ts';
import { createGate } from './login.ts';
import { writeEvents } from './stream.ts';

export interface AdminOptions {
  readonly operations: Operations;
  /** Without a token of at least 32 characters nothing is mounted. */
  readonly token: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly trustProxyHops: number;
  /** Ends open tails, which would keep the server from closing. */
  readonly stopping: AbortSignal;
}

const TOKEN_LENGTH = 32;

/** Mounts the admin API. Every call needs the token. Changes and refused tokens are logged as audit lines. */
export function adminRoutes(router: Router, options: AdminOptions): void {
  const { token, operations, clock } = options;
  if (token === undefined || token.length < TOKEN_LENGTH) return;
  const guarded = guard(options, createGate({ token, now: () => clock.steady() }));
  for (const served of answeredCalls(operations)) {
    router[served.call.method](
      served.call.path,
      guarded((ctx) => answer(ctx, served, options)),
    );
  }
  for (const streamed of streamedCalls(operations)) {
    router.get(
      streamed.call.path,
      guarded((ctx) => exported(ctx, streamed, options)),
    );
  }
  router.get(
    adminCalls.tail.path,
    guarded((ctx) => tail(ctx, options)),
  );
  router.all(
    '/admin{/*rest}',
    guarded((ctx) => {
      throw new NotFound(`there is no ${ctx.method} ${ctx.path.slice(0, 200)}; GET /openapi.json lists what there is`);
    }),
  );
}

type Handler = (ctx: Context) => Promise<void> | void;

/** Checks the token before anything of the request is read. */
function guard(options: AdminOptions, gate: ReturnType<typeof createGate>): (handle: Handler) => Handler {
  return (handle) => async (ctx) => {
    ctx.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    const verdict = gate(addressOf(ctx.req, options), ctx.get('Authorization'));
    switch (verdict.kind) {
      case 'open':
        return handle(ctx);
      case 'refused':
        options.logger.warn({ audit: true, action: 'login', ...whoOf(ctx, options), result: 'refused' }, 'admin');
        ctx.set('WWW-Authenticate', 'Bearer');
        return reply(ctx, 401, 'Authorization: must be "Bearer <ADMIN_TOKEN>", got no token or another one');
      case 'locked':
        ctx.set('Retry-After', String(verdict.retryAfterSeconds));
        return reply(
          ctx,
          429,
          `too many wrong tokens; another wrong one is looked at in ${verdict.retryAfterSeconds} s, the right one at any time`,
        );
    }
  };
}

async function answer(ctx: Context, { action, call, prepare }: AnsweredCall, options: AdminOptions): Promise<void> {
  const body = call.method === 'post' ? await bodyOf(ctx) : undefined;
  const { input, run } = prepare({ params: ctx.params, query: ctx.query, body, now: options.clock.now() });
  const isChange = call.method === 'post' && input.dry_run !== true;
  ctx.body = isChange ? await audited(ctx, action, { input, run }, options) : await run();
}

/** Logs a change, also if it failed. */
async function audited(ctx: Context, action: string, { input, run }: Prepared, options: AdminOptions) {
  const line = { audit: true, action, ...input, ...whoOf(ctx, options) };
  try {
    const result = await run();
    options.logger.info({ ...line, result }, 'admin');
    return result;
  } catch (error) {
    options.logger.info({ ...line, result: error instanceof KnownError ? error.message : 'failed' }, 'admin');
    throw error;
  }
}

async function tail(ctx: Context, { operations, clock, stopping }: AdminOptions): Promise<void> {
  const filter = inputOf(adminCalls.tail, { params: {}, query: ctx.query, body: undefined, now: clock.now() });
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  // Some clients close their half and wait for the end of the answer. This answer has no end, so such a client would count as a reader until the
  // next line.
  ctx.req.socket.once('end', leave);
  const ignore = onAbort(stopping, leave);
  if (stopping.aborted) leave();
  try {
    await streaming(ctx, leaving.signal, async (signal) => {
      const lines = operations.tail(filter, signal);
      ctx.respond = false;
      await writeEvents(lines, ctx.res, clock, signal);
    });
  } finally {
    ctx.req.socket.removeListener('end', leave);
    ignore();
  }
}

async function exported(ctx: Context, { lines }: StreamedCall, { stopping, clock }: AdminOptions): Promise<void> {
  const items = lines({ params: {}, query: ctx.query, body: undefined, now: clock.now() });
  await streaming(ctx, stopping, (signal) =>
    writeLines(items, ctx.res, signal, () => {
      ctx.respond = false;
    }),
  );
}

/**
 * Lets `write` write the answer. Its signal aborts when the reader leaves or the process stops. `write` must set `ctx.respond` to false first:
 * Koa would pipe the stream and report each leaving reader as an error.
 */
async function streaming(
  ctx: Context,
  stopping: AbortSignal,
  write: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (ctx.method === 'HEAD') {
    ctx.status = 200;
    return;
  }
  const gone = new AbortController();
  const end = () => gone.abort();
  ctx.res.once('close', end);
  const ignore = onAbort(stopping, end);
  if (stopping.aborted) end();
  try {
    await write(gone.signal);
  } finally {
    end();
    ignore();
  }
}

const parse = bodyParser({
  enableTypes: ['json'],
  jsonLimit: '64kb',
  // Throws a new error, since the parser's own carries the body.
  onerror: ({ status }: Error & { status?: number }) => {
    if (status === 413) throw new BodyRefused(413, 'the body must have at most 64 KB');
    if (status === 415) throw new BodyRefused(415, 'Content-Encoding must be gzip, deflate, br or none');
    throw new BodyRefused(400, 'the body must be a JSON object, got something that is not JSON');
  },
});

/** Parses the JSON body. No body counts as an empty object. */
async function bodyOf(ctx: Context): Promise<unknown> {
  const type = ctx.is('json');
  if (type === false)
    throw new BodyRefused(415, `Content-Type must be application/json, got ${ctx.request.type || 'none'}`);
  if (type === null) return {};
  prepareDecompression(ctx.req);
  await parse(ctx, async () => {});
  return ctx.request.body;
}

const whoOf = (ctx: Context, options: AdminOptions) => ({
  address: addressOf(ctx.req, options),
  request_id: ctx.response.get('X-Request-Id') || undefined,
});

const addressOf = ({ headers, socket }: IncomingMessage, { trustProxyHops }: AdminOptions): string | undefined =>
  clientAddress(headers, socket.remoteAddress, trustProxyHops);

function reply(ctx: Context, status: number, error: string): void {
  ctx.status = status;
  ctx.body = { error };
}
