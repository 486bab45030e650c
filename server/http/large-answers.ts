import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Context } from './koa-app.ts';

/** An answer that is the same for every client, prepared once. */
export interface LargeAnswer {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
}

export function largeAnswerOf(type: string, text: string): LargeAnswer {
  const plain = Buffer.from(text);
  const digest = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
  return { type, plain, gzip: gzipSync(plain), etag: `"${digest}"` };
}

/** Sends the answer: with gzip if the client accepts it, or as 304 if the client has it already. */
export function sendLargeAnswer(ctx: Context, { type, plain, gzip, etag }: LargeAnswer): void {
  ctx.type = type;
  ctx.vary('Accept-Encoding');
  ctx.set('ETag', etag);
  ctx.status = 200;
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  if (ctx.acceptsEncodings('gzip', 'identity') !== 'gzip') {
    ctx.body = plain;
    return;
  }
  ctx.body = gzip;
  ctx.set('Content-Encoding', 'gzip');
}

/** Caches what `ask` gives for `keptMs`. All callers share one call. A failure is not cached. `now`: monotonic, in milliseconds. */
export function cachedFor<T>(keptMs: number, now: () => number, ask: () => Promise<T>): () => Promise<T> {
  let kept: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return () => {
    if (kept !== undefined && now() - kept.at < keptMs) return kept.answer;
    const own = { at: Number.POSITIVE_INFINITY, answer: ask() };
    kept = own;
    own.answer.then(
      () => {
        own.at = now();
      },
      () => {
        if (kept === own) kept = undefined;
      },
    );
    return own.answer;
  };
}

/** Smaller answers need no deadline: a client would have to send about as much as it makes the gateway hold. */
const LARGE_BYTES = 16 * 1024;
/** A client must read a large answer within this time. */
const READ_MS = 30_000;
/** Most bytes of unread large answers, over all connections. Above it the connections that have waited longest are reset. */
const UNREAD_BYTES = 16 * 1024 ** 2;

const closing = new WeakSet<Socket>();

/** Whether the last answer of this connection has been made. */
export const hasLastAnswer = (socket: Socket): boolean => closing.has(socket);

/** Resets a connection that sends another request after its last answer, and says whether it did. No answer may follow the last one. */
export function resetAfterLastAnswer(socket: Socket): boolean {
  if (!closing.has(socket)) return false;
  if (!socket.destroyed) reset(socket);
  return true;
}

/**
 * Limits the time in which large answers must be read. To the process an answer looks sent once the system has buffered it. So each large answer
 * is the last one of its connection, and counts as read when the client closes that. If the client does not close it in time, the connection is
 * reset, which frees the system's buffers.
 */
export function createReadDeadline(limits = { readMs: READ_MS, unreadBytes: UNREAD_BYTES }) {
  const unread = new Map<Socket, number>();
  let total = 0;
  const forget = (socket: Socket): void => {
    total -= unread.get(socket) ?? 0;
    unread.delete(socket);
  };
  const drop = (socket: Socket): void => {
    forget(socket);
    reset(socket);
  };
  const begin = (socket: Socket, bytes: number): void => {
    if (closing.has(socket)) return;
    closing.add(socket);
    total += bytes;
    unread.set(socket, bytes);
    const due = setTimeout(() => drop(socket), limits.readMs);
    due.unref();
    // Otherwise Node closes our half at once, and the system keeps the unread rest for minutes.
    socket.destroySoon = () => {};
    socket.once('end', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(due);
      forget(socket);
    });
    for (const [oldest] of unread) {
      if (total <= limits.unreadBytes) return;
      drop(oldest);
    }
  };
  return {
    /** Call it with each answer before it is sent. */
    watch(ctx: Context): void {
      const { length } = ctx;
      if (length === undefined || length < LARGE_BYTES) return;
      ctx.set('Connection', 'close');
      begin(ctx.req.socket, length);
    },
    unreadBytes: () => total,
  };
}

function reset(socket: Socket): void {
  socket.destroySoon = () => socket.destroy();
  socket.resetAndDestroy();
  socket.destroy();
}
