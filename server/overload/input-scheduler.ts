import type { Socket } from 'node:net';
import { LARGE_BYTES, ParseQueue, type Priority } from './parse-queue.ts';

/** Hands the input of connections to the parser in small pieces, so that no client takes more than a small part of the event loop's time. */
export interface InputScheduler {
  /** Schedules the input of this connection from now on: the caller gives it to `take` of what this returns, and calls `end` after the last. */
  attach(socket: Socket, parser: Parser): Parser;
  /** A request of this connection was answered. `isPost`: whether it needed a token. */
  answered(socket: Socket, status: number, isPost: boolean): void;
  /** Throws away what is not parsed yet of this connection, and everything that follows. */
  discard(socket: Socket): void;
  /** Bytes of this connection that were read and are not parsed yet. */
  unparsedBytes(socket: Socket): number;
  /** Whether what is parsed of this connection now came together with requests before it. */
  followsOthers(socket: Socket): boolean;
}

export interface Parser {
  take(bytes: Buffer): void;
  end(): void;
}

export interface InputSchedulerOptions {
  /** Whether each connection belongs to one client. A proxy's connection carries many, and one must not pay for the refusals of another. */
  readonly isOfOneClient: boolean;
  /** Called when a connection is ended because the memory for unparsed input is full. */
  readonly onFull: () => void;
  /** Whether the last answer of a connection has been made. Then what came together with its request is thrown away. */
  readonly hasLastAnswer?: (socket: Socket) => boolean;
  /** Monotonic, in milliseconds. */
  readonly now?: () => number;
  /** Milliseconds that the event loop has been idle since the process began. */
  readonly idle?: () => number;
}

/**
 * Lines that are parsed at a time. What input costs depends on its lines more than on its bytes: each request and each chunk of a body has two
 * lines and costs at least one call of the parser. Line ends within a chunk cost nothing, but bodies rarely have that many.
 */
const LINES = 128;
/**
 * Most heads of requests in a piece: a request costs much more than its lines. Each head ends with an empty line. Bodies rarely have empty lines,
 * and those that do are only parsed in more pieces.
 */
const HEADS = 4;
/** One request may look like two heads: in a body of chunks an empty line follows the last one. */
const HEADS_OF_ONE = 2;
/** A request that came together with others is rationed like this many bytes: answering it makes as much garbage. */
const HEAD_BYTES = 16 * 1024;
const LINE_END = 10;
const RETURN = 13;
/** A trusted connection may bring this much in one turn of the event loop. */
const BYTES_AT_ONCE = 256 * 1024;
/** Most bytes of unparsed input, of all connections together. Requests that came together with others take at most half of it. */
const MOST_HELD = 32 * 1024 ** 2;
/**
 * A connection with a penalty is untrusted. Each begins with a penalty of 1. A refused request adds 1, up to this limit, and an accepted POST
 * takes 1 away.
 */
const MOST_PENALTY = 9;
/** From this penalty on, a refusal also pauses the connection. The pause doubles with each further point. */
const PAUSED_PENALTY = 4;
const FIRST_PAUSE_MS = 32;

export function createInputScheduler({
  isOfOneClient,
  onFull,
  hasLastAnswer = () => false,
  now = () => performance.now(),
  idle = () => performance.eventLoopUtilization().idle,
}: InputSchedulerOptions): InputScheduler {
  const inputs = new WeakMap<Socket, Input>();
  const queue = new ParseQueue(now, idle);
  return {
    attach(socket, parser) {
      const input = new Input(socket, parser, {
        queue,
        now,
        pausesAfterRefusals: isOfOneClient,
        onFull,
        hasLastAnswer,
      });
      inputs.set(socket, input);
      return input;
    },
    answered: (socket, status, isPost) => inputs.get(socket)?.answered(status, isPost),
    discard: (socket) => inputs.get(socket)?.discard(),
    unparsedBytes: (socket) => socket.readableLength + (inputs.get(socket)?.heldBytes() ?? 0),
    followsOthers: (socket) => inputs.get(socket)?.followsOthers() ?? false,
  };
}

interface Tools {
  readonly queue: ParseQueue;
  readonly now: () => number;
  /** Whether refusals pause a connection. */
  readonly pausesAfterRefusals: boolean;
  readonly onFull: () => void;
  readonly hasLastAnswer: (socket: Socket) => boolean;
}

/** The input of one connection. */
class Input implements Parser {
  readonly #socket: Socket;
  readonly #parser: Parser;
  readonly #tools: Tools;
  /** Input that is not parsed yet, as it came. */
  #held: Buffer[] = [];
  #penalty = 1;
  /** Until then nothing of this connection is parsed. */
  #pausedUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The last turn of the event loop in which input came, and how many bytes came in it. */
  #turn = -1;
  #bytes = 0;
  /** Heads of requests that were parsed since nothing was held. */
  #heads = 0;
  #priority: Priority = 'small';
  /** Rationed bytes that were parsed since the last POST that was not refused. */
  #rationed = 0;
  #hasEnded = false;
  /** The parser has paused the connection and takes nothing until it resumes it. */
  #isBlocked = false;
  #isDiscarded = false;

  constructor(socket: Socket, parser: Parser, tools: Tools) {
    this.#socket = socket;
    this.#parser = parser;
    this.#tools = tools;
    socket.once('close', () => this.discard());
  }

  take(bytes: Buffer): void {
    if (this.#isDiscarded || (this.#held.length === 0 && this.#isParsedAtOnce(bytes))) return;
    const { queue } = this.#tools;
    this.#held.push(bytes);
    queue.heldBytes += bytes.length;
    if (queue.heldBytes > (this.#nextPriority() === 'together' ? MOST_HELD / 2 : MOST_HELD)) this.#makeRoom();
    else {
      this.#socket.pause();
      if (this.#held.length === 1) this.#enqueueWhenDue();
    }
  }

  /** Ends the connection, unless each part of its input is one piece: such input is cheap to parse, and bodies have a budget of their own. */
  #makeRoom(): void {
    if (this.#isBlocked) return;
    if (this.#held.some((bytes) => pieceOf(bytes).end < bytes.length)) {
      this.#tools.onFull();
      this.#socket.destroy();
      this.discard();
      return;
    }
    clearTimeout(this.#timer);
    while (this.#held.length > 0 && !this.#isBlocked) this.parsePiece();
    this.#tools.queue.remove(this);
  }

  followsOthers(): boolean {
    return this.#heads > 0;
  }

  heldBytes(): number {
    return this.#held.reduce((sum, { length }) => sum + length, 0);
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#held.length === 0 && !this.#isDiscarded) this.#parser.end();
  }

  answered(status: number, isPost: boolean): void {
    // A failure of the gateway (5xx) says nothing about the client.
    if (isPost && (status < 400 || status >= 500)) {
      this.#tools.queue.refund(this.#rationed);
      this.#rationed = 0;
    }
    if (status >= 500) return;
    if (status < 400) {
      this.#penalty = isPost ? Math.max(0, this.#penalty - 1) : Math.max(1, this.#penalty);
      return;
    }
    this.#penalty = Math.min(MOST_PENALTY, this.#penalty + 1);
    if (this.#tools.pausesAfterRefusals && this.#penalty >= PAUSED_PENALTY)
      this.#pausedUntil = this.#tools.now() + FIRST_PAUSE_MS * 2 ** (this.#penalty - PAUSED_PENALTY);
  }

  discard(): void {
    this.#isDiscarded = true;
    this.#forgetHeld();
    clearTimeout(this.#timer);
    this.#tools.queue.remove(this);
  }

  #forgetHeld(): void {
    this.#tools.queue.heldBytes -= this.heldBytes();
    this.#held = [];
  }

  /** Parses one piece, and gives how many of its bytes are rationed. */
  parsePiece(): number {
    const [bytes] = this.#held;
    if (bytes === undefined) return 0;
    if (this.#heads > 0 && this.#tools.hasLastAnswer(this.#socket)) {
      this.#forgetHeld();
      this.#socket.resume();
      this.#afterPiece();
      return 0;
    }
    const { end, heads } = pieceOf(bytes);
    if (end < bytes.length) this.#held[0] = bytes.subarray(end);
    else this.#held.shift();
    this.#tools.queue.heldBytes -= end;
    // Resume first: if the connection is paused afterwards, the parser has paused it.
    this.#socket.resume();
    this.#parser.take(bytes.subarray(0, end));
    this.#heads += heads;
    if (this.#socket.destroyed) this.discard();
    if (!this.#isDiscarded) this.#afterPiece();
    const bytesOrGarbage = this.#priority === 'together' ? Math.max(end, heads * HEAD_BYTES) : end;
    const cost = this.#penalty > 0 && this.#priority !== 'small' ? bytesOrGarbage : 0;
    this.#rationed += cost;
    return cost;
  }

  #afterPiece(): void {
    if (this.#held.length > 0) {
      this.#continue();
      return;
    }
    this.#heads = 0;
    // Write the answer to the earlier input before the end is told.
    if (this.#hasEnded) setImmediate(() => this.#isDiscarded || this.#parser.end());
  }

  #continue(): void {
    if (this.#isDiscarded) return;
    this.#isBlocked = this.#socket.isPaused();
    if (this.#isBlocked) {
      this.#socket.once('resume', () => this.#continue());
      return;
    }
    this.#socket.pause();
    this.#enqueue();
  }

  #isParsedAtOnce(bytes: Buffer): boolean {
    if (pieceOf(bytes).end < bytes.length) return false;
    const { queue, now } = this.#tools;
    const parse = () => this.#parser.take(bytes);
    if (queue.heldBytes + bytes.length > MOST_HELD) {
      parse();
      return true;
    }
    if (this.#penalty > 0) return bytes.length <= LARGE_BYTES && this.#pausedUntil <= now() && queue.tryNow(parse);
    queue.countTurn();
    if (this.#turn !== queue.turn) this.#bytes = 0;
    this.#turn = queue.turn;
    this.#bytes += bytes.length;
    if (this.#bytes > BYTES_AT_ONCE) return false;
    parse();
    return true;
  }

  #enqueueWhenDue(): void {
    const ms = this.#pausedUntil - this.#tools.now();
    if (ms <= 0) this.#enqueue();
    else this.#timer = setTimeout(() => this.#enqueue(), ms).unref();
  }

  #enqueue(): void {
    this.#priority = this.#nextPriority();
    this.#tools.queue.add(this, this.#priority);
  }

  #nextPriority(): Priority {
    const [bytes] = this.#held;
    if (bytes === undefined) return 'small';
    if (this.#heads + pieceOf(bytes).heads > HEADS_OF_ONE) return 'together';
    return bytes.length > LARGE_BYTES ? 'large' : 'small';
  }
}

/** Where a piece ends (after its last line, or at the end of the bytes), and how many heads of requests it has. */
function pieceOf(bytes: Buffer): { readonly end: number; readonly heads: number } {
  let end = 0;
  let heads = 0;
  let wasEmpty = false;
  for (let lines = 0; lines < LINES && heads < HEADS; lines += 1) {
    const at = bytes.indexOf(LINE_END, end);
    if (at < 0) return { end: bytes.length, heads };
    const isEmpty = at === end || (at === end + 1 && bytes[end] === RETURN);
    if (isEmpty && !wasEmpty) heads += 1;
    wasEmpty = isEmpty;
    end = at + 1;
  }
  return { end, heads };
}
