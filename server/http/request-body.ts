import type { IncomingMessage } from 'node:http';
import { RequestRefused } from '../../adapters/dialects/dialect.ts';
import type { Eviction, Hold } from '../overload/in-hand.ts';
import type { Load } from '../overload/load.ts';
import { type Charset, charsetOf, inUtf8 } from './body-text.ts';
import { type Encoding, encodingBy, encodingOf, gunzipped, tooLarge, unbrotlied } from './decompression.ts';
import { noteChunked } from './header-budget.ts';

/** The body of one request while it comes, and until its request is answered. */
export interface ArrivingBody {
  /**
   * Resolves with the body as the client wrote it, decompressed and in UTF-8. Rejects with RequestRefused (400, 408, 413, 415) or Overloaded. Never settles where
   * the client goes away before its end: then nobody waits for an answer.
   */
  readonly whole: Promise<Buffer>;
  /** Whether it was given up before its end. What still comes of it is nothing to wait for. */
  isGivenUp(): boolean;
  /** To be called with the answer: lets go of the bytes. */
  release(): void;
}

export interface BodyOptions {
  readonly load: Load;
  readonly shop: string;
  /** Most bytes after decompression, and in UTF-8. */
  readonly maxBytes: number;
  /** Called once, when it is over however it ends, with what it has cost in bytes: what came, what was made of it, and more for small chunks. */
  readonly onCost: (bytes: number) => void;
}

/** A compressed body may be this much longer than its content, since what cannot be made smaller gets a little larger. */
const COMPRESSED_MORE_BYTES = 4096;
/** A body in tiny chunks costs far more than its bytes: the connection ends past this many. A large body comes in some 20. */
const MOST_CHUNKS = 1_000;
/** A chunk costs as much as so many bytes, however small it is. */
const CHUNK_BYTES = 256;
/** More pieces than this are joined, so that many small ones do not cost more than they hold. */
const MOST_PIECES = 8;
/** Brotli that turns out too large or broken has cost as much as so many bodies of the most bytes. */
const BAD_BROTLI = 8;
/** More of a shop than this do not wait to be decompressed. */
const MOST_WAITING = 64;
/** What is thrown away of a body that is too large. A connection that is closed on a client that still sends is reset, and the answer is lost. */
const RUN_OUT_BYTES = 16 * 1024 ** 2;

/** Begins to read at once: a listener added after the first chunk would miss it. Throws RequestRefused (413, 415) by the headers alone. */
export function readBody(request: IncomingMessage, options: BodyOptions): ArrivingBody {
  const written = howWritten(request);
  if (written.encoding === 'none' && Number(request.headers['content-length']) > options.maxBytes) {
    letRunOut(request);
    throw tooLarge(options.maxBytes);
  }
  const arriving = new Arriving(request, written, options);
  const whole = new Promise<Buffer>((resolve, reject) => arriving.tell(resolve, reject));
  return { whole, isGivenUp: () => arriving.isGivenUp, release: () => arriving.release() };
}

/** It lives as long as its request, and so does not know the promise, which keeps the bytes. */
class Arriving {
  isGivenUp = false;
  #madeBytes = 0;
  #hasEnded = false;
  #isCharged = false;
  readonly #request: IncomingMessage;
  #encoding: Encoding;
  readonly #charset: Charset | undefined;
  readonly #options: BodyOptions;
  readonly #announced: number;
  #arrive = (_body: Buffer): void => {};
  #refuse = (_error: unknown): void => {};
  #pieces: Buffer[] = [];
  #received = 0;
  #chunks = 0;
  #isOver = false;
  /** What is counted of a body that came in one piece, and is not watched. */
  #taken = 0;
  #hold: Hold | undefined;

  constructor(request: IncomingMessage, { encoding, charset }: Written, options: BodyOptions) {
    this.#request = request;
    this.#encoding = encoding;
    this.#charset = charset;
    this.#options = options;
    this.#announced = Number(request.headers['content-length']);
    request.on('data', (chunk: Buffer) => this.#keep(chunk));
    request.on('end', () => {
      this.#hasEnded = true;
      if (Number.isNaN(this.#announced)) noteChunked(request, this.#received, this.#chunks);
      this.#hold?.complete();
      // Reading what is compressed or in another charset is work, and waits for its turn as all work does.
      if (this.#encoding === 'none' && charset === undefined) this.#finish();
      else void this.#finishInTurn();
    });
  }

  #charge(): void {
    if (this.#isCharged) return;
    this.#isCharged = true;
    this.#options.onCost(this.#received + this.#madeBytes + this.#chunks * CHUNK_BYTES);
  }

  tell(arrive: (body: Buffer) => void, refuse: (error: unknown) => void): void {
    this.#arrive = arrive;
    this.#refuse = refuse;
  }

  release(): void {
    this.#isOver = true;
    this.#hold?.release();
    if (this.#taken !== 0) this.#options.load.inHand.take(-this.#taken, this.#options.shop);
    this.#taken = 0;
    // The listeners live on with the request, while a refusal is held back.
    this.#pieces = [];
    this.#arrive = () => {};
    this.#refuse = () => {};
  }

  #keep(chunk: Buffer): void {
    this.#chunks += 1;
    if (this.#chunks > MOST_CHUNKS) this.#request.socket.destroy();
    if (!this.#isOver) this.#take(chunk);
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#received >= 2 && this.#received - chunk.length < 2) this.#seeEncoding(chunk);
    const { maxBytes } = this.#options;
    const most = this.#encoding === 'none' ? maxBytes : maxBytes + COMPRESSED_MORE_BYTES;
    if (this.#received > most) {
      this.#end(tooLarge(maxBytes));
      return;
    }
    this.#pieces.push(chunk);
    if (this.#pieces.length > MOST_PIECES) joinLast(this.#pieces);
    // Nearly all come in one piece, and need not be watched.
    if (chunk.length === this.#announced) this.#count(chunk.length);
    else {
      this.#hold ??= this.#watched();
      this.#hold.add(chunk.length);
    }
  }

  /** Clients forget to say that a body is compressed, and proxies decompress one and leave the header. */
  #seeEncoding(chunk: Buffer): void {
    const [first = 0, second = 0] = this.#pieces[0] === undefined ? chunk : Buffer.concat([...this.#pieces, chunk]);
    this.#encoding = encodingBy(first, second, this.#encoding);
  }

  async #finishInTurn(): Promise<void> {
    try {
      await this.#options.load.turn(this.#options.shop);
      if (this.#isOver) return;
      const bytes = joined(this.#pieces);
      if (this.#encoding === 'none') this.#arrives(bytes);
      else this.#arrives(await this.#decompressed(bytes));
    } catch (error) {
      this.#end(error);
    }
  }

  #finish(): void {
    if (this.#isOver) return;
    try {
      this.#arrives(joined(this.#pieces));
    } catch (error) {
      this.#end(error);
    }
  }

  #arrives(text: Buffer): void {
    if (this.#isOver) return;
    const body = inUtf8(text, this.#charset);
    if (body !== text) this.#madeBytes += body.length;
    if (body.length > this.#options.maxBytes) throw tooLarge(this.#options.maxBytes);
    this.#pieces = [];
    this.#count(body.length - this.#received);
    this.#charge();
    this.#arrive(body);
  }

  async #decompressed(bytes: Buffer): Promise<Buffer> {
    const { maxBytes, load, shop } = this.#options;
    const isBrotli = this.#encoding === 'br';
    if (isBrotli && load.side.waiting(shop) >= MOST_WAITING) throw load.shed('delay', 'any');
    // What is too large has cost as much as the most that may come out.
    let size = isBrotli ? maxBytes * BAD_BROTLI : maxBytes;
    try {
      const body = isBrotli ? await load.side.run(shop, () => unbrotlied(bytes, maxBytes)) : gunzipped(bytes, maxBytes);
      size = body.length;
      return body;
    } finally {
      this.#madeBytes += size;
    }
  }

  #count(bytes: number): void {
    if (this.#hold) this.#hold.add(bytes);
    else {
      this.#taken += bytes;
      this.#options.load.inHand.take(bytes, this.#options.shop);
    }
  }

  #watched(): Hold {
    const { load, shop } = this.#options;
    const hold = load.inHand.begin(performance.now(), (why) => this.#evicted(why), shop, this.#announced || undefined);
    // A client that goes away mid-body never ends it: nothing is stored and there is nobody to answer.
    this.#request.on('close', () => {
      if (!this.#hasEnded) this.#charge();
      hold.gone();
    });
    return hold;
  }

  #evicted(why: Eviction): void {
    this.isGivenUp = true;
    const { load } = this.#options;
    // What comes in chunks has no end that an answer could wait for.
    if (why === 'room' && Number.isNaN(this.#announced)) {
      load.shed('memory', 'any');
      this.#request.socket.destroy();
      return;
    }
    this.#end(
      why === 'stalled' ? new RequestRefused(408, 'the body stood still: send it again') : load.shed('memory', 'any'),
    );
  }

  #end(error: unknown): void {
    const refuse = this.#refuse;
    this.#charge();
    this.release();
    if (!this.#request.complete) letRunOut(this.#request);
    refuse(error);
  }
}

interface Written {
  readonly encoding: Encoding;
  readonly charset: Charset | undefined;
}

function howWritten(request: IncomingMessage): Written {
  try {
    return { encoding: encodingOf(request), charset: charsetOf(request.headers['content-type']) };
  } catch (error) {
    letRunOut(request);
    throw error;
  }
}

const joined = (pieces: readonly Buffer[]): Buffer =>
  pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);

/** Joins the last pieces as long as the one before is not much larger: few are left, and each byte is copied a few times. */
function joinLast(pieces: Buffer[]): void {
  for (;;) {
    const [before, last] = pieces.slice(-2);
    if (before === undefined || last === undefined || before.length > last.length * 2) return;
    pieces.splice(-2, 2, Buffer.concat([before, last]));
  }
}

/** Takes in what is still under way and throws it away, so that the client reads its answer. Up to 16 MB, which take some 10 ms. */
function letRunOut(request: IncomingMessage): void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > RUN_OUT_BYTES) request.socket.destroy();
  });
  request.resume();
}
