import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { InputTurns } from '../overload/input-turns.ts';
import type { Load } from '../overload/load.ts';
import type { HeaderBudget } from './header-budget.ts';
import { endsBehindLast } from './large-answers.ts';

export interface ConnectionLimits {
  readonly maxConnections: number;
  /** How long a connection may stay that has sent nothing yet. */
  readonly keepAliveTimeoutMs: number;
  readonly load: Load;
  readonly headers: HeaderBudget;
  readonly inputs: InputTurns;
}

/** The part of the open files of this process that connections may take. The log, destinations and DNS need the rest. */
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
 * Closes connections past the limit. A connection that has sent nothing may stay as long as an idle one, since browsers and proxies open some ahead:
 * Node gets it with its first byte, and counts the time for headers from there. A client that has ended its half still gets its answers.
 */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  const { maxConnections, keepAliveTimeoutMs, load, headers, inputs } = limits;
  // Not `server.maxConnections`: processes that share a port would hand the connection to one another without end.
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
      const input = inputs.join(socket, { take: detached(socket, 'data', parse), end: detached(socket, 'end', end) });
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

/** Most requests of one connection in one turn of the event loop. Clients and proxies wait for each answer before they send the next request. */
const MOST_AT_ONCE = 16;
/** Most requests of one connection that wait for their answers, or whose answers wait to be read. */
const MOST_UNANSWERED = 64;

interface Requests {
  turn: number;
  requests: number;
  unanswered: number;
  isRefused: boolean;
}

/**
 * Guards against floods and ambiguous framing. The function returned says whether it has refused the request: it then answers 400 behind the earlier
 * answers, closes the connection, and reads nothing more from it.
 */
export function createFloodGuard(
  headers: HeaderBudget,
  inputs: InputTurns,
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
    if (own.isRefused || endsBehindLast(socket)) return true;
    if (own.turn !== turn) {
      own.turn = turn;
      own.requests = 0;
    }
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

/** Requires one Host and one way to know where the body ends. With other framings a proxy may see one request where Node sees two. */
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
