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

/**
 * Closes connections past the limit, and lets one that has sent nothing yet live as long as an idle one: browsers and proxies open some ahead. Node
 * counts the time for headers from the first byte, since it is given a connection only with that. A client that has ended its half still
 * gets its answers.
 */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  const { maxConnections, keepAliveTimeoutMs, load, headers, inputs } = limits;
  // Not by `server.maxConnections`: processes that share a port would hand such a connection to one another without end.
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
      load.shed('connections', 'any');
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
      const input = inputs.join(socket, { take: takenOff(socket, 'data', parse), end: takenOff(socket, 'end', end) });
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

/** Takes these listeners from the connection, and calls them as it would. */
function takenOff(socket: Socket, event: string, listeners: readonly unknown[]): (bytes?: Buffer) => void {
  const all = listeners as readonly ((bytes?: Buffer) => void)[];
  for (const listener of all) socket.removeListener(event, listener);
  return (bytes) => {
    for (const listener of all) listener.call(socket, bytes);
  };
}

/** Requests of one connection that are taken in one piece. Clients and proxies wait for each answer before they send the next. */
const AT_ONCE = 16;
/** Requests of one connection that wait for their answers, or whose answers wait to be read. */
const UNANSWERED = 64;

interface Arrived {
  turn: number;
  requests: number;
  unanswered: number;
  isRefused: boolean;
}

/**
 * Whether a request is refused for how its connection behaves or how it is framed. Then it is answered 400 behind the earlier answers, the connection
 * is closed, and nothing more on it is read.
 */
export function createDoor(
  headers: HeaderBudget,
  inputs: InputTurns,
  onRefused: () => void,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const known = new WeakMap<Socket, Arrived>();
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
    if (own.requests <= AT_ONCE && own.unanswered <= UNANSWERED && isWellFramed(request)) return false;
    own.isRefused = true;
    inputs.discard(socket);
    onRefused();
    response.writeHead(400, { Connection: 'close', 'Content-Length': 0 }).end();
    return true;
  };
}

/**
 * One Host, and one way to know where the body ends. Proxies read other framings in other ways than Node does, so that they may see one request
 * where we see two, or the other way round.
 */
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
