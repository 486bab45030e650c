import { onAbort } from '../../../adapters/on-abort.ts';
import type { TailFilter, TailLine } from '../../../schemas/admin-api/tail.ts';
import { TooManyReaders } from '../../base/errors.ts';
import { namesMatching } from '../../base/patterns.ts';
import { LineBuffer } from './line-buffer.ts';

/** Shows what happens in this process to its readers. Nothing ever waits for a slow reader: it misses lines instead. */
export interface Tail {
  /** Whether there are readers. Ask before making lines, so that the tail costs nothing while nobody reads it. */
  readonly listening: boolean;
  /** Never throws, never waits. */
  publish(line: TailLine): void;
  /** Tells every reader that lines were left out on their way here. */
  missed(lines: number): void;
  /** Collects lines from this call on, before the first `next`, until the signal aborts or the loop over it ends. Throws TooManyReaders. */
  lines(filter: TailFilter, signal: AbortSignal): AsyncIterable<TailLine>;
}

const MAX_READERS = 20;
/** Most bytes that wait for one reader: a line may hold an event of 256 KB. */
const BUFFER_BYTES = 8 * 1024 * 1024;

export interface TailOptions {
  /** How many lines wait for a reader before it misses some (default: 1000); they also take at most 8 MB. */
  readonly bufferLines?: number;
  /** Called with the number of readers whenever it has changed. */
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
        throw new TooManyReaders(`the tail must have at most ${MAX_READERS} readers, got one more; end one first`);
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

type Result = IteratorResult<TailLine, undefined>;

/** Not an async generator: its `return` would wait for the pending `next`, which may never resolve. */
class Reader implements AsyncIterableIterator<TailLine, undefined> {
  readonly #wants: (line: TailLine) => boolean;
  readonly #ignore: () => void;
  readonly #onEnd: () => void;
  /** Empty while a `next` waits. */
  readonly #buffer: LineBuffer;
  #waiting: ((result: Result) => void)[] = [];
  #ended = false;

  constructor(filter: TailFilter, bufferLines: number, signal: AbortSignal, onEnd: () => void) {
    this.#wants = wanting(filter);
    this.#buffer = new LineBuffer({ maxLines: bufferLines, maxBytes: BUFFER_BYTES });
    this.#onEnd = onEnd;
    this.#ignore = onAbort(signal, this.#end);
  }

  offer(line: TailLine): void {
    if (!this.#wants(line)) return;
    const waiting = this.#waiting.shift();
    if (waiting) waiting({ done: false, value: line });
    else this.#buffer.put(line);
  }

  miss(lines: number): void {
    this.#buffer.miss(lines);
    if (this.#waiting.length === 0) return;
    const gap = this.#buffer.next();
    if (gap) this.#waiting.shift()?.({ done: false, value: gap });
  }

  next(): Promise<Result> {
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const line = this.#buffer.next();
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

  readonly #end = (): void => {
    this.#ended = true;
    this.#ignore();
    this.#onEnd();
    for (const resolve of this.#waiting) resolve({ done: true, value: undefined });
    this.#waiting = [];
    this.#buffer.clear();
  };
}

/** Makes the filter of a reader. Lines of ingest name no pipeline, so they are left out if one is selected. */
function wanting({ shop, pipeline, types, kinds }: TailFilter): (line: TailLine) => boolean {
  const wanted = types && namesMatching(types);
  return (line) => {
    // A reader is told only of its own gaps.
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
