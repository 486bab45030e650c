import type { Batch, Outcome } from '../adapters/destinations/destination.ts';
import type { LogRecord, Verdict } from '../adapters/logs/log.ts';
import type { Event } from '../schemas/event.ts';
import type { TailFilter, TailLine } from './operations.ts';
import { namesMatching } from './route.ts';

/** What happens in this process, told to whoever looks on. Nothing ever waits for a reader: it misses lines instead. */
export interface Tail {
  /** Whether anyone looks. Ask before making lines: while nobody does, the tail costs this question only. */
  readonly listening: boolean;
  /** Never throws, never waits. */
  publish(line: TailLine): void;
  /** Listens from this call on, not from the first `next`, until the signal aborts or the loop over it is left. Throws TooManyReaders. */
  lines(filter: TailFilter, signal: AbortSignal): AsyncIterable<TailLine>;
}

/** The tail has as many readers as it may. */
export class TooManyReaders extends Error {}

const MAX_READERS = 20;

/** `bufferLines`: how many lines wait for a reader (1000) before it misses some. */
export function createTail({ bufferLines = 1000 }: { readonly bufferLines?: number } = {}): Tail {
  const readers = new Set<Reader>();
  return {
    get listening() {
      return readers.size > 0;
    },
    publish: (line) => {
      for (const reader of readers) reader.offer(line);
    },
    lines: (filter, signal) => {
      if (readers.size >= MAX_READERS)
        throw new TooManyReaders(`at most ${MAX_READERS} may follow the tail at once, and as many do: end one first`);
      const reader = new Reader(filter, bufferLines, signal, () => readers.delete(reader));
      readers.add(reader);
      if (signal.aborted) void reader.return();
      return reader;
    },
  };
}

type Result = IteratorResult<TailLine, undefined>;

/** Not an async generator: the `return` of one waits for the `next` that is under way, which here may take for ever. */
class Reader implements AsyncIterableIterator<TailLine, undefined> {
  readonly #wants: (line: TailLine) => boolean;
  readonly #bufferLines: number;
  readonly #signal: AbortSignal;
  readonly #onEnd: () => void;
  /** Filled only while nobody waits. */
  #buffer: TailLine[] = [];
  #waiting: ((result: Result) => void)[] = [];
  /** Lines left out after the last one in the buffer. */
  #missed = 0;
  #ended = false;

  constructor(filter: TailFilter, bufferLines: number, signal: AbortSignal, onEnd: () => void) {
    this.#wants = wanting(filter);
    this.#bufferLines = bufferLines;
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal.addEventListener('abort', this.#end);
  }

  offer(line: TailLine): void {
    if (!this.#wants(line)) return;
    const waiting = this.#waiting.shift();
    if (waiting) waiting({ done: false, value: line });
    else this.#keep(line);
  }

  next(): Promise<Result> {
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const line = this.#buffer.shift() ?? (this.#missed > 0 ? this.#gap() : undefined);
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

  #keep(line: TailLine): void {
    // The word of what was missed takes a place of its own, where the gap is.
    const places = this.#missed > 0 ? 2 : 1;
    if (this.#buffer.length + places > this.#bufferLines) this.#missed += 1;
    else this.#buffer.push(...(this.#missed > 0 ? [this.#gap()] : []), line);
  }

  #gap(): TailLine {
    const lines = this.#missed;
    this.#missed = 0;
    return { kind: 'missed', lines };
  }

  readonly #end = (): void => {
    this.#ended = true;
    this.#signal.removeEventListener('abort', this.#end);
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
    if (line.kind === 'missed') return false;
    if (kinds && !kinds.includes(line.kind)) return false;
    if (shop !== undefined && line.shop !== shop) return false;
    if (pipeline !== undefined && !('pipeline' in line && line.pipeline === pipeline)) return false;
    return wanted === undefined || namesOf(line).some(wanted);
  };
}

function namesOf(line: TailLine): readonly string[] {
  if ('event' in line) return [line.event.event_type, line.event.name];
  if ('type' in line) return [line.type];
  return 'name' in line && line.name !== undefined ? [line.name] : [];
}

/** What became of the events of a record that may be stored. `verdicts` and `events` (the record's view) are those of its drafts, in order. */
export function acceptedLines(
  { context: { shop, receivedAt } }: Pick<LogRecord, 'context'>,
  verdicts: readonly Verdict[],
  events: readonly Event[],
): TailLine[] {
  const at = new Date(receivedAt).toISOString();
  return events.map((event, i) => ({
    kind: verdicts[i]?.kind === 'duplicate' ? 'duplicate' : 'accepted',
    at,
    shop,
    event,
  }));
}

/** What was refused of a record, or the record as a whole. */
export function refusedLines({
  dialect,
  context: { shop, receivedAt },
  refused,
}: Pick<LogRecord, 'dialect' | 'context' | 'refused'>): TailLine[] {
  const at = new Date(receivedAt).toISOString();
  return refused.map(({ name, id, code, reasons }) => ({
    kind: 'refused',
    at,
    shop,
    dialect,
    ...(name !== undefined && { name }),
    ...(id !== undefined && { eventId: id }),
    code,
    reasons,
  }));
}

/**
 * What one attempt made of each event of a batch. `outcomes` are those of its events, in order; `at`: milliseconds since 1970.
 * An event that a destination wants no more ("gone") is not settled: it will be tried again once the pipeline is resumed.
 */
export function settledLines(
  { shop, pipeline, events }: Pick<Batch, 'shop' | 'pipeline' | 'events'>,
  outcomes: readonly Outcome[],
  at: number,
): TailLine[] {
  const time = new Date(at).toISOString();
  return outcomes.flatMap((outcome, i) => {
    const event = events[i]?.event;
    if (event === undefined) return [];
    const { event_id: eventId, event_type: type } = event;
    return { ...told(outcome), at: time, shop, pipeline, eventId, type };
  });
}

function told(outcome: Outcome): { readonly kind: 'delivered' | 'dead' | 'retried'; readonly status: string } {
  switch (outcome.kind) {
    case 'delivered':
      return { kind: 'delivered', status: outcome.status ?? 'delivered' };
    case 'rejected':
      return { kind: 'dead', status: outcome.reason };
    case 'retry':
    case 'gone':
      return { kind: 'retried', status: outcome.reason };
  }
}
