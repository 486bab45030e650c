import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { InputScheduler } from '../overload/input-scheduler.ts';
import type { Load } from '../overload/load.ts';
import type { HeaderBudget } from './header-budget.ts';
import { resetAfterLastAnswer } from './large-answers.ts';

export interface ConnectionLimits {
  readonly maxConnections: number;
  /** How long a connection may stay open before its first byte. */
  readonly keepAliveTimeoutMs: number;
  readonly load: Load;
  readonly headers: HeaderBudget;
  readonly inputs: InputScheduler;
}

/** The part of the process's open files that connections may use. The log, destinations and DNS need the rest. */
const PART_OF_CLIENTS = 0.6;

/** How many of these connections can be accepted without running out of file descriptors. */
export const affordableConnections = (connections: number, openFiles = openFilesLimit()): number =>
  Math.min(connections, Math.floor(openFiles * PART_OF_CLIENTS));

/** Infinity if the system does not say. */
function openFilesLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * Closes connections above the limit. Node sees a connection only when its first byte comes, and measures the time for headers from there; until
 * then the connection may stay open as long as an idle one, since browsers and proxies open some in advance. A client that has closed its half
 * still gets its answers.
 */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  const { maxConnections, keepAliveTimeoutMs, load, headers, inputs } = limits;
  // Not `server.maxConnections`: processes that share a port would pass the connection to one another for ever.
  let open = 0;
  const silent = new Set<Socket>();
  const accept = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
      silent.delete(socket);
    });
    if (open > maxConnections) {
      load.refusal('connections', 'any');
      socket.destroy();
      return;
    }
    silent.add(socket);
    const drop = () => socket.destroy();
    const begin = (chunk: Buffer): void => {
      silent.delete(socket);
      headers.began(socket);
      socket.setTimeout(0);
      for (const event of ['timeout', 'end', 'error']) socket.removeListener(event, drop);
      const before = socket.listeners('end');
      for (const listener of accept) listener.call(server, socket);
      const parse = socket.listeners('data').filter((listener) => listener !== begin);
      const end = socket.listeners('end').filter((listener) => !before.includes(listener));
      const input = inputs.attach(socket, { take: detached(socket, 'data', parse), end: detached(socket, 'end', end) });
      socket.on('data', (bytes: Buffer) => input.take(bytes));
      socket.on('end', () => input.end());
      input.take(chunk);
    };
    socket.setTimeout(keepAliveTimeoutMs);
    socket.once('data', begin);
    for (const event of ['timeout', 'end', 'error']) socket.once(event, drop);
  });
  const endSilent = () => {
    for (const socket of silent) socket.destroy();
  };
  for (const name of ['closeIdleConnections', 'closeAllConnections'] as const) {
    const close = server[name].bind(server);
    server[name] = () => {
      endSilent();
      close();
    };
  }
  Object.assign(server, { httpAllowHalfOpen: true });
}

/** Removes these listeners from the connection, and returns a function that calls them. */
function detached(socket: Socket, event: string, listeners: readonly unknown[]): (bytes?: Buffer) => void {
  const all = listeners as readonly ((bytes?: Buffer) => void)[];
  for (const listener of all) socket.removeListener(event, listener);
  return (bytes) => {
    for (const listener of all) listener.call(socket, bytes);
  };
}

/**
 * Most requests of one connection that come together or are started in one turn of the event loop. Normal clients and proxies wait for each answer
 * before the next request.
 */
const MOST_AT_ONCE = 16;
/** Most unanswered or unread requests of one connection. */
const MOST_UNANSWERED = 64;

interface Requests {
  turn: number;
  requests: number;
  unanswered: number;
  isRefused: boolean;
}

/**
 * Refuses floods and ambiguous framing. The returned function says whether it has refused a request. It then answers 400 after the earlier
 * answers, closes the connection, and reads nothing more from it.
 */
export function createFloodGuard(
  headers: HeaderBudget,
  inputs: Pick<InputScheduler, 'answered' | 'discard' | 'followsOthers'>,
  onRefused: () => void,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const known = new WeakMap<Socket, Requests>();
  let turn = 0;
  let isOver = true;
  return (request, response) => {
    if (isOver) {
      isOver = false;
      setImmediate(() => {
        turn += 1;
        isOver = true;
      });
    }
    const { socket } = request;
    let here = known.get(socket);
    if (here === undefined) {
      here = { turn, requests: 0, unanswered: 0, isRefused: false };
      known.set(socket, here);
    }
    const own = here;
    if (own.isRefused || resetAfterLastAnswer(socket)) return true;
    if (own.turn !== turn && !inputs.followsOthers(socket)) own.requests = 0;
    own.turn = turn;
    own.requests += 1;
    own.unanswered += 1;
    headers.asked(request);
    response.once('close', () => {
      own.unanswered -= 1;
      headers.answered(request);
      inputs.answered(socket, response.statusCode, request.method === 'POST');
    });
    if (own.requests <= MOST_AT_ONCE && own.unanswered <= MOST_UNANSWERED && isWellFramed(request)) return false;
    own.isRefused = true;
    inputs.discard(socket);
    onRefused();
    response.writeHead(400, { Connection: 'close', 'Content-Length': 0 }).end();
    return true;
  };
}

/** Requires exactly one Host and one framing of the body. Otherwise a proxy may see one request where Node sees two (request smuggling). */
function isWellFramed({ rawHeaders, httpVersionMinor }: IncomingMessage): boolean {
  let hosts = 0;
  let framings = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 4) hosts += name.toLowerCase() === 'host' ? 1 : 0;
    else if (name.length === 14) framings += name.toLowerCase() === 'content-length' ? 1 : 0;
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      framings += 1;
      if (rawHeaders[at + 1]?.toLowerCase() !== 'chunked') return false;
    }
  }
  return (hosts === 1 || (hosts === 0 && httpVersionMinor !== 1)) && framings <= 1;
}
