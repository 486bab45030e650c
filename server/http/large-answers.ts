import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Context } from './koa-app.ts';

/** A large answer that is the same for everyone who asks, made once. */
export interface Page {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
}

export function pageOf(type: string, text: string): Page {
  const plain = Buffer.from(text);
  const digest = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
  return { type, plain, gzip: gzipSync(plain), etag: `"${digest}"` };
}

/** Answers with it, compressed where the client takes that, or with 304 where the client has it. */
export function showPage(ctx: Context, { type, plain, gzip, etag }: Page): void {
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

/** Asks at most once in this many milliseconds, and once for all callers of that time. A failure is not kept. `now`: monotonic, in milliseconds. */
export function keptFor<T>(keptMs: number, now: () => number, ask: () => Promise<T>): () => Promise<T> {
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

/** Smaller answers are not watched: a client must ask as much as it gets. */
const LARGE_BYTES = 16 * 1024;
/** How long a client may take to read a large answer, in milliseconds. */
const READ_MS = 30_000;
/** Bytes of large answers that may be unread, of all connections together. Past it those that wait the longest are let go. */
const UNREAD_BYTES = 16 * 1024 ** 2;

const closing = new WeakSet<Socket>();

/** Ends a connection on which more is asked behind its last answer, and says whether it did: Node relies on the order of answers. */
export function endsBehindLast(socket: Socket): boolean {
  if (!closing.has(socket)) return false;
  if (!socket.destroyed) reset(socket);
  return true;
}

/**
 * Watches that large answers are read. What the system has taken to send looks sent to us, so each is the last answer of its connection, and read when the
 * client closes it. One that is not closed in time is reset, which frees what the system keeps of it.
 */
export function createReading(limits = { readMs: READ_MS, unreadBytes: UNREAD_BYTES }) {
  const unread = new Map<Socket, number>();
  let total = 0;
  const forget = (socket: Socket): void => {
    total -= unread.get(socket) ?? 0;
    unread.delete(socket);
  };
  const letGo = (socket: Socket): void => {
    forget(socket);
    reset(socket);
  };
  const watch = (socket: Socket, bytes: number): void => {
    if (closing.has(socket)) return;
    closing.add(socket);
    total += bytes;
    unread.set(socket, bytes);
    const due = setTimeout(() => letGo(socket), limits.readMs);
    due.unref();
    // Node would close our half at once, and the system keep what is unread of it for minutes.
    socket.destroySoon = () => {};
    socket.once('end', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(due);
      forget(socket);
    });
    for (const [oldest] of unread) {
      if (total <= limits.unreadBytes) return;
      letGo(oldest);
    }
  };
  return {
    /** Called with an answer that is about to be sent. */
    answering(ctx: Context): void {
      const { length } = ctx;
      if (length === undefined || length < LARGE_BYTES) return;
      ctx.set('Connection', 'close');
      watch(ctx.req.socket, length);
    },
    unreadBytes: () => total,
  };
}

function reset(socket: Socket): void {
  socket.destroySoon = () => socket.destroy();
  socket.resetAndDestroy();
  socket.destroy();
}
