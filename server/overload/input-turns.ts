import type { Socket } from 'node:net';
import { LARGE_BYTES, ParsingTurns } from './parsing-turns.ts';

/** Hands the input of connections to the parser so that no client takes more than a small part of a turn of the event loop. */
export interface InputTurns {
  /** What comes on this connection is parsed from now on as it is given to `take`; `end` says that nothing more comes. */
  join(socket: Socket, parser: Parser): Parser;
  /** A request of this connection was answered. `isPost`: whether it needed a token. */
  answered(socket: Socket, status: number, isPost: boolean): void;
  /** Nothing more of this connection is parsed. */
  discard(socket: Socket): void;
  /** Bytes of this connection that were read and not parsed yet. */
  unparsed(socket: Socket): number;
}

export interface Parser {
  take(bytes: Buffer): void;
  end(): void;
}

export interface InputTurnsOptions {
  /** Whether a connection is one client's. One of a proxy carries many, who do not pay for each other. */
  readonly isOfOneClient: boolean;
  /** Called when a connection is ended because more arrived than there is room for. */
  readonly onFull: () => void;
  /** Monotonic, in milliseconds. */
  readonly now?: () => number;
  /** For how long there was nothing to do since the process began, in milliseconds. */
  readonly idle?: () => number;
}

/**
 * Lines that are parsed at a time. Each request and each chunk of a body costs the parser a call or more and has two lines, so lines tell what
 * bytes may cost. Lines within one chunk cost nothing, but a body rarely has that many.
 */
const LINES = 128;
const LINE_END = 10;
/** What a connection in good standing may bring in one turn of the event loop. */
const BYTES_AT_ONCE = 256 * 1024;
/** What may be held of all connections before it is parsed. */
const MOST_HELD = 32 * 1024 ** 2;
/** A connection is in doubt until a request of it is taken. Each refusal adds to it, up to this, and each request that is taken makes it less. */
const MOST_DOUBT = 9;
/** From this much doubt on, a connection is read again only after this many milliseconds, and twice as many with each more. */
const PACED_DOUBT = 4;
const PACE_MS = 32;

export function createInputTurns({
  isOfOneClient,
  onFull,
  now = () => performance.now(),
  idle = () => performance.eventLoopUtilization().idle,
}: InputTurnsOptions): InputTurns {
  const inputs = new WeakMap<Socket, Input>();
  const turns = new ParsingTurns(now, idle);
  return {
    join(socket, parser) {
      const input = new Input(socket, parser, { turns, now, isPaced: isOfOneClient, onFull });
      inputs.set(socket, input);
      return input;
    },
    answered: (socket, status, isPost) => inputs.get(socket)?.answered(status, isPost),
    discard: (socket) => inputs.get(socket)?.discard(),
    unparsed: (socket) => socket.readableLength + (inputs.get(socket)?.heldBytes() ?? 0),
  };
}

interface Tools {
  readonly turns: ParsingTurns;
  readonly now: () => number;
  readonly isPaced: boolean;
  readonly onFull: () => void;
}

/** What comes on one connection. */
class Input implements Parser {
  readonly #socket: Socket;
  readonly #parser: Parser;
  readonly #tools: Tools;
  /** What is not parsed yet, as it came. */
  #held: Buffer[] = [];
  #doubt = 1;
  /** Before this nothing of it is parsed. */
  #freeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The turn in which it brought something last, and how much in all of that turn. */
  #turn = -1;
  #bytes = 0;
  /** Bytes that were parsed in doubt, and have led to nothing yet. */
  #spent = 0;
  #hasEnded = false;
  /** The parser wants no more until it resumes the connection. */
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
    const { turns } = this.#tools;
    this.#held.push(bytes);
    turns.held += bytes.length;
    if (turns.held > MOST_HELD) {
      this.#makeRoom();
      return;
    }
    this.#socket.pause();
    if (this.#held.length === 1) this.#waitForTurn();
  }

  /** Plain input is parsed at once, since bodies have a budget of their own. */
  #makeRoom(): void {
    if (this.#isBlocked) return;
    if (this.#held.some((bytes) => endOfPiece(bytes) < bytes.length)) {
      this.#tools.onFull();
      this.#socket.destroy();
      this.discard();
      return;
    }
    clearTimeout(this.#timer);
    while (this.#held.length > 0 && !this.#isBlocked) this.parsePiece();
    this.#tools.turns.leave(this);
  }

  heldBytes(): number {
    return this.#held.reduce((sum, { length }) => sum + length, 0);
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#held.length === 0 && !this.#isDiscarded) this.#parser.end();
  }

  answered(status: number, isPost: boolean): void {
    // What the gateway fails at says nothing of its clients.
    if (status < 400 || status >= 500) {
      this.#tools.turns.giveBack(this.#spent);
      this.#spent = 0;
    }
    if (status >= 500) return;
    if (status < 400) {
      this.#doubt = isPost ? Math.max(0, this.#doubt - 1) : Math.max(1, this.#doubt);
      return;
    }
    this.#doubt = Math.min(MOST_DOUBT, this.#doubt + 1);
    if (this.#tools.isPaced && this.#doubt >= PACED_DOUBT)
      this.#freeAt = this.#tools.now() + PACE_MS * 2 ** (this.#doubt - PACED_DOUBT);
  }

  discard(): void {
    this.#isDiscarded = true;
    for (const { length } of this.#held) this.#tools.turns.held -= length;
    this.#held = [];
    clearTimeout(this.#timer);
    this.#tools.turns.leave(this);
  }

  /** Parses some of what is held, and says what it costs of the bytes that are rationed. */
  parsePiece(): number {
    const [bytes] = this.#held;
    if (bytes === undefined) return 0;
    const end = endOfPiece(bytes);
    if (end < bytes.length) this.#held[0] = bytes.subarray(end);
    else this.#held.shift();
    this.#tools.turns.held -= end;
    // The parser may pause the connection in its turn, and then wants no more for now.
    this.#socket.resume();
    this.#parser.take(bytes.subarray(0, end));
    if (this.#socket.destroyed) this.discard();
    if (!this.#isDiscarded) this.#isParsed();
    const cost = this.#doubt > 0 && bytes.length > LARGE_BYTES ? end : 0;
    this.#spent += cost;
    return cost;
  }

  #isParsed(): void {
    if (this.#held.length > 0) this.#goOn();
    // The answer to what came before it is to be written first.
    else if (this.#hasEnded) setImmediate(() => this.#isDiscarded || this.#parser.end());
  }

  #goOn(): void {
    if (this.#isDiscarded) return;
    this.#isBlocked = this.#socket.isPaused();
    if (this.#isBlocked) {
      this.#socket.once('resume', () => this.#goOn());
      return;
    }
    this.#socket.pause();
    this.#wait();
  }

  #isParsedAtOnce(bytes: Buffer): boolean {
    if (endOfPiece(bytes) < bytes.length) return false;
    const { turns, now } = this.#tools;
    const parse = () => this.#parser.take(bytes);
    if (turns.held + bytes.length > MOST_HELD) {
      parse();
      return true;
    }
    if (this.#doubt > 0) return (this.#freeAt === 0 || this.#freeAt <= now()) && turns.tried(bytes.length, parse);
    turns.begin();
    if (this.#turn !== turns.number) this.#bytes = 0;
    this.#turn = turns.number;
    this.#bytes += bytes.length;
    if (this.#bytes > BYTES_AT_ONCE) return false;
    parse();
    return true;
  }

  #waitForTurn(): void {
    const ms = this.#freeAt - this.#tools.now();
    if (ms <= 0) this.#wait();
    else this.#timer = setTimeout(() => this.#wait(), ms).unref();
  }

  #wait(): void {
    this.#tools.turns.wait(this, this.#held[0]?.length ?? 0);
  }
}

/** Where the last line of a piece ends. */
function endOfPiece(bytes: Buffer): number {
  let end = 0;
  for (let lines = 0; lines < LINES; lines += 1) {
    const at = bytes.indexOf(LINE_END, end);
    if (at < 0) return bytes.length;
    end = at + 1;
  }
  return end;
}
