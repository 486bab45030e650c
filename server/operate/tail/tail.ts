import { onAbort } from '../../../adapters/on-abort.ts';
import type { TailFilter, TailLine } from '../../../schemas/admin-api/tail.ts';
import { namesMatching } from '../../base/patterns.ts';

/** What happens in this process, told to whoever looks on. Nothing ever waits for a reader: it misses lines instead. */
export interface Tail {
  /** Whether anyone looks. Ask before making lines: while nobody does, the tail costs this question only. */
  readonly listening: boolean;
  /** Never throws, never waits. */
  publish(line: TailLine): void;
  /** Lines were left out on their way here: tells every reader. */
  missed(lines: number): void;
  /** Listens from this call on, not from the first `next`, until the signal aborts or the loop over it is left. Throws TooManyReaders. */
  lines(filter: TailFilter, signal: AbortSignal): AsyncIterable<TailLine>;
}

/** The tail has as many readers as it may. */
export class TooManyReaders extends Error {}

const MAX_READERS = 20;
/** What waits for one reader: a line may hold an event of 256 KB. */
const BUFFER_BYTES = 8 * 1024 * 1024;

export interface TailOptions {
  /** How many lines (1000), of 8 MB together, wait for a reader before it misses some. */
  readonly bufferLines?: number;
  /** Called with how many readers there are, whenever that has changed. */
  readonly onReaders?: (count: number) => void;
}

export function createTail({ bufferLines = 1000, onReaders = () => {} }: TailOptions = {}): Tail {
  const readers = new Set<Reader>();
  return {
    get listening() {
      return readers.size > 0;
    },
    publish: (line) => {
      for (const reader of readers) reader.offer(line);
    },
    missed: (lines) => {
      for (const reader of readers) reader.miss(lines);
    },
    lines: (filter, signal) => {
      if (readers.size >= MAX_READERS)
        throw new TooManyReaders(`at most ${MAX_READERS} may follow the tail at once, and as many do: end one first`);
      const reader = new Reader(filter, bufferLines, signal, () => {
        if (readers.delete(reader)) onReaders(readers.size);
      });
      readers.add(reader);
      onReaders(readers.size);
      if (signal.aborted) void reader.return();
      return reader;
    },
  };
}

const sizes = new WeakMap<TailLine, number>();

/** About how many bytes it takes; found once for all readers that it waits for. */
function sizeOf(line: TailLine): number {
  const size = sizes.get(line) ?? JSON.stringify(line).length;
  sizes.set(line, size);
  return size;
}

type Result = IteratorResult<TailLine, undefined>;

/** Not an async generator: the `return` of one waits for the `next` that is under way, which here may take for ever. */
class Reader implements AsyncIterableIterator<TailLine, undefined> {
  readonly #wants: (line: TailLine) => boolean;
  readonly #bufferLines: number;
  readonly #ignore: () => void;
  readonly #onEnd: () => void;
  /** Filled only while nobody waits. */
  #buffer: TailLine[] = [];
  #bytes = 0;
  #waiting: ((result: Result) => void)[] = [];
  /** Lines left out after the last one in the buffer. */
  #missed = 0;
  #ended = false;

  constructor(filter: TailFilter, bufferLines: number, signal: AbortSignal, onEnd: () => void) {
    this.#wants = wanting(filter);
    this.#bufferLines = bufferLines;
    this.#onEnd = onEnd;
    this.#ignore = onAbort(signal, this.#end);
  }

  offer(line: TailLine): void {
    if (!this.#wants(line)) return;
    const waiting = this.#waiting.shift();
    if (waiting) waiting({ done: false, value: line });
    else this.#keep(line);
  }

  miss(lines: number): void {
    this.#missed += lines;
    this.#waiting.shift()?.({ done: false, value: this.#gap() });
  }

  next(): Promise<Result> {
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const line = this.#shift() ?? (this.#missed > 0 ? this.#gap() : undefined);
    if (line) return Promise.resolve({ done: false, value: line });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<Result> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #shift(): TailLine | undefined {
    const line = this.#buffer.shift();
    if (line) this.#bytes -= sizeOf(line);
    return line;
  }

  #keep(line: TailLine): void {
    // The word of what was missed takes a place of its own, where the gap is.
    const places = this.#missed > 0 ? 2 : 1;
    const isFull = this.#buffer.length + places > this.#bufferLines || this.#bytes + sizeOf(line) > BUFFER_BYTES;
    if (isFull) {
      this.#missed += 1;
      return;
    }
    for (const one of this.#missed > 0 ? [this.#gap(), line] : [line]) {
      this.#buffer.push(one);
      this.#bytes += sizeOf(one);
    }
  }

  #gap(): TailLine {
    const lines = this.#missed;
    this.#missed = 0;
    return { kind: 'missed', lines };
  }

  readonly #end = (): void => {
    this.#ended = true;
    this.#ignore();
    this.#onEnd();
    for (const resolve of this.#waiting) resolve({ done: true, value: undefined });
    this.#waiting = [];
    this.#buffer = [];
  };
}

/** Ingest knows no pipelines: its lines are left out where one is asked for. */
function wanting({ shop, pipeline, types, kinds }: TailFilter): (line: TailLine) => boolean {
  const wanted = types && namesMatching(types);
  return (line) => {
    // A reader is told of its own gaps only.
    if (line.kind === 'missed' || line.kind === 'note') return false;
    if (kinds && !kinds.includes(line.kind)) return false;
    if (shop !== undefined && line.shop !== shop) return false;
    if (pipeline !== undefined && !('pipeline' in line && line.pipeline === pipeline)) return false;
    return wanted === undefined || namesOf(line).some(wanted);
  };
}

function namesOf(line: TailLine): readonly string[] {
  if ('event' in line) return [line.event.event_type, line.event.name];
  if ('type' in line) return [line.type, line.name];
  return 'name' in line && line.name !== undefined ? [line.name] : [];
}
