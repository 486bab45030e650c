import type { IncomingMessage } from 'node:http';
import { RequestRefused } from '../../adapters/dialects/dialect.ts';
import type { Eviction, Reservation } from '../overload/body-budget.ts';
import type { Load } from '../overload/load.ts';
import { type Charset, charsetOf, inUtf8 } from './body-text.ts';
import { type Encoding, encodingBy, encodingOf, gunzipped, tooLarge, unbrotlied } from './decompression.ts';
import { noteChunked } from './header-budget.ts';

/** The body of one request, until the request is answered. */
export interface ArrivingBody {
  /**
   * Resolves with the body, decompressed and in UTF-8. Rejects with RequestRefused (400, 408, 413, 415) or Overloaded. Never settles if the client
   * goes away first: then there is nobody to answer.
   */
  readonly whole: Promise<Buffer>;
  /** Whether the body was abandoned before its end. The rest of it is not waited for. */
  isGivenUp(): boolean;
  /** Must be called when the request is answered: frees the bytes. */
  release(): void;
}

export interface BodyOptions {
  readonly load: Load;
  readonly shop: string;
  /** Most bytes after decompression, and in UTF-8. */
  readonly maxBytes: number;
  /** Called once when the body ends, for whatever reason, with its cost in bytes: what arrived, what was made of it, and a charge per chunk. */
  readonly onCost: (bytes: number) => void;
}

/** A compressed body may be this much longer than BODY_MAX_BYTES: compression makes random data slightly larger. */
const COMPRESSED_MORE_BYTES = 4096;
/** Tiny chunks cost far more than their bytes: the connection ends past this many. A large body arrives in some 20. */
const MOST_CHUNKS = 1_000;
/** What a chunk costs beside its bytes. */
const CHUNK_BYTES = 256;
/** More pieces than this are joined: many small buffers take more memory than they hold. */
const MOST_PIECES = 8;
/** Brotli that turns out too large or broken is charged as this many bodies of the largest size. */
const BAD_BROTLI = 8;
/** Most bodies of a shop that wait for decompression on another thread. */
const MOST_WAITING = 64;
/**
 * How much of a refused body is read and discarded. If the connection were closed while the client still sends, it would be reset, and the
 * client would never see the answer.
 */
const DISCARDED_BYTES = 16 * 1024 ** 2;

/** Starts to read at once, since a later listener would miss the first chunk. Throws RequestRefused (413, 415) if the headers alone say so. */
export function readBody(request: IncomingMessage, options: BodyOptions): ArrivingBody {
  const form = formOf(request);
  if (form.encoding === 'none' && Number(request.headers['content-length']) > options.maxBytes) {
    discardRest(request);
    throw tooLarge(options.maxBytes);
  }
  const arriving = new Arriving(request, form, options);
  const whole = new Promise<Buffer>((resolve, reject) => arriving.settleWith(resolve, reject));
  return { whole, isGivenUp: () => arriving.isGivenUp, release: () => arriving.release() };
}

/** Lives as long as its request, so it must not hold the promise, which keeps the bytes. */
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
  /** Bytes counted without a reservation, of a body that arrived in one piece. */
  #taken = 0;
  #reservation: Reservation | undefined;

  constructor(request: IncomingMessage, { encoding, charset }: Form, options: BodyOptions) {
    this.#request = request;
    this.#encoding = encoding;
    this.#charset = charset;
    this.#options = options;
    this.#announced = Number(request.headers['content-length']);
    request.on('data', (chunk: Buffer) => this.#keep(chunk));
    request.on('end', () => {
      this.#hasEnded = true;
      if (Number.isNaN(this.#announced)) noteChunked(request, this.#received, this.#chunks);
      this.#reservation?.complete();
      // Decompression and another charset are work, which waits in the queue.
      if (this.#encoding === 'none' && charset === undefined) this.#finish();
      else void this.#finishInTurn();
    });
  }

  #charge(): void {
    if (this.#isCharged) return;
    this.#isCharged = true;
    this.#options.onCost(this.#received + this.#madeBytes + this.#chunks * CHUNK_BYTES);
  }

  settleWith(arrive: (body: Buffer) => void, refuse: (error: unknown) => void): void {
    this.#arrive = arrive;
    this.#refuse = refuse;
  }

  release(): void {
    this.#isOver = true;
    this.#reservation?.release();
    if (this.#taken !== 0) this.#options.load.bodies.take(-this.#taken, this.#options.shop);
    this.#taken = 0;
    // Frees the memory: the listeners stay alive with the request while a refusal is delayed.
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
    // Nearly all bodies arrive in one piece and need no reservation.
    if (chunk.length === this.#announced) this.#count(chunk.length);
    else {
      this.#reservation ??= this.#reserve();
      this.#reservation.add(chunk.length);
    }
  }

  /** Some clients compress without saying so, and some proxies decompress and leave the header. */
  #seeEncoding(chunk: Buffer): void {
    const [first = 0, second = 0] = this.#pieces[0] === undefined ? chunk : Buffer.concat([...this.#pieces, chunk]);
    this.#encoding = encodingBy(first, second, this.#encoding);
  }

  async #finishInTurn(): Promise<void> {
    try {
      await this.#options.load.enter(this.#options.shop);
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
    if (isBrotli && load.sideWork.waiting(shop) >= MOST_WAITING) throw load.refusal('delay', 'any');
    // A body that turns out too large has cost as much as the largest allowed.
    let size = isBrotli ? maxBytes * BAD_BROTLI : maxBytes;
    try {
      const body = isBrotli
        ? await load.sideWork.run(shop, () => unbrotlied(bytes, maxBytes))
        : gunzipped(bytes, maxBytes);
      size = body.length;
      return body;
    } finally {
      this.#madeBytes += size;
    }
  }

  #count(bytes: number): void {
    if (this.#reservation) this.#reservation.add(bytes);
    else {
      this.#taken += bytes;
      this.#options.load.bodies.take(bytes, this.#options.shop);
    }
  }

  #reserve(): Reservation {
    const { load, shop } = this.#options;
    const announced = this.#announced || undefined;
    const reservation = load.bodies.reserve(performance.now(), (why) => this.#evicted(why), shop, announced);
    // If the client goes away, the body never ends: nothing is stored and nobody is answered.
    this.#request.on('close', () => {
      if (!this.#hasEnded) this.#charge();
      reservation.abandon();
    });
    return reservation;
  }

  #evicted(why: Eviction): void {
    this.isGivenUp = true;
    const { load } = this.#options;
    // The end of a chunked body is unknown, so the answer cannot wait for it.
    if (why === 'room' && Number.isNaN(this.#announced)) {
      load.refusal('memory', 'any');
      this.#request.socket.destroy();
      return;
    }
    this.#end(
      why === 'stalled'
        ? new RequestRefused(408, 'the body stood still: send it again')
        : load.refusal('memory', 'any'),
    );
  }

  #end(error: unknown): void {
    const refuse = this.#refuse;
    this.#charge();
    this.release();
    if (!this.#request.complete) discardRest(this.#request);
    refuse(error);
  }
}

interface Form {
  readonly encoding: Encoding;
  readonly charset: Charset | undefined;
}

function formOf(request: IncomingMessage): Form {
  try {
    return { encoding: encodingOf(request), charset: charsetOf(request.headers['content-type']) };
  } catch (error) {
    discardRest(request);
    throw error;
  }
}

const joined = (pieces: readonly Buffer[]): Buffer =>
  pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);

/** Joins the last pieces unless the one before is much larger. That leaves few pieces and copies each byte only a few times. */
function joinLast(pieces: Buffer[]): void {
  for (;;) {
    const [before, last] = pieces.slice(-2);
    if (before === undefined || last === undefined || before.length > last.length * 2) return;
    pieces.splice(-2, 2, Buffer.concat([before, last]));
  }
}

/** Reads the rest of the body and throws it away, so that the client reads its answer. 16 MB take some 10 ms. */
function discardRest(request: IncomingMessage): void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DISCARDED_BYTES) request.socket.destroy();
  });
  request.resume();
}
