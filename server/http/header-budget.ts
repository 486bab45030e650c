import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Limits the memory for unfinished headers, over all connections. Node keeps these bytes and does not report them, so they are computed from
 * what was read.
 */
export interface HeaderBudget {
  /** The first byte of a connection has arrived. */
  began(socket: Socket): void;
  asked(request: IncomingMessage): void;
  /** The answer to this request has ended. */
  answered(request: IncomingMessage): void;
  /** Ends connections until there is room, the one that has waited longest first. Call it regularly. */
  makeRoom(): void;
  bytes(): number;
}

export interface HeaderBudgetOptions {
  readonly maxBytes: number;
  /** Most bytes of headers for one connection; Node refuses more. */
  readonly headersMaxBytes: number;
  /** Bytes of a connection that were read and are not parsed yet. */
  readonly unparsed: (socket: Socket) => number;
  readonly onEvicted: () => void;
}

/** Tolerance for extra blanks between headers, which Node does not keep. */
const SLACK_BYTES = 256;
/** The overhead of a chunk: its size in hex digits, and two line ends. */
const FRAME_BYTES = 10;

const chunked = new WeakMap<IncomingMessage, number>();

/** Records how many bytes a chunked body took on the wire, since its headers do not say. */
export function noteChunked(request: IncomingMessage, bytes: number, chunks: number): void {
  chunked.set(request, bytes + chunks * FRAME_BYTES);
}

interface Connection {
  /** Its place in the order in which headers began. */
  turn: number;
  /** Bytes that had been read from the connection when its current request began. */
  mark: number;
  unanswered: number;
  /** Bytes since the mark that belong to complete requests. */
  used: number;
}

export function createHeaderBudget({
  maxBytes,
  headersMaxBytes,
  unparsed,
  onEvicted,
}: HeaderBudgetOptions): HeaderBudget {
  const connections = new Map<Socket, Connection>();
  let turns = 0;
  const heldBy = (socket: Socket, { mark, unanswered }: Connection): number =>
    unanswered > 0 ? 0 : Math.max(0, Math.min(headersMaxBytes, socket.bytesRead - unparsed(socket) - mark));
  const bytes = (): number => {
    let total = 0;
    for (const [socket, connection] of connections) total += heldBy(socket, connection);
    return total;
  };
  return {
    bytes,
    began(socket) {
      connections.set(socket, { turn: turns++, mark: 0, unanswered: 0, used: 0 });
      socket.once('close', () => connections.delete(socket));
    },
    asked(request) {
      const own = connections.get(request.socket);
      if (own === undefined) return;
      own.used += headerBytes(request);
      own.unanswered += 1;
    },
    answered(request) {
      const { socket } = request;
      const own = connections.get(socket);
      if (own === undefined) return;
      own.used += chunked.get(request) ?? (Number(request.headers['content-length']) || 0);
      own.unanswered -= 1;
      if (own.unanswered > 0) return;
      const read = socket.bytesRead - unparsed(socket) - own.mark;
      const behind = read - own.used;
      // If more is left than headers may have, it is the rest of a body that nobody read.
      own.mark += behind > SLACK_BYTES && behind <= headersMaxBytes ? own.used : read;
      own.used = 0;
      own.turn = turns++;
    },
    makeRoom() {
      if (connections.size * headersMaxBytes <= maxBytes) return;
      let total = bytes();
      if (total <= maxBytes) return;
      for (const [socket, connection] of [...connections].sort(([, a], [, b]) => a.turn - b.turn)) {
        if (total <= maxBytes) return;
        const held = heldBy(socket, connection);
        if (held === 0) continue;
        total -= held;
        onEvicted();
        socket.destroy();
      }
    },
  };
}

function headerBytes({ method = '', url = '', rawHeaders }: IncomingMessage): number {
  let bytes = method.length + url.length + 14;
  for (const text of rawHeaders) bytes += text.length + 2;
  return bytes;
}
