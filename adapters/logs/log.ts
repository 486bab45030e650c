import type { Event } from '../../schemas/event.ts';
import type { Context, Draft, Refusal } from '../dialects/dialect.ts';

/** The number of an event in its shop's log: 1 is the first ever, each event has the next number, and none is used twice. */
export type Position = number;

/** What one request brought: its bytes as sent, the events that may be stored, and those that may not, with reasons. */
export interface LogRecord {
  readonly dialect: string;
  readonly context: Context;
  /** The request's bytes after decompression. The log keeps a reference until the append settles: do not reuse the buffer. */
  readonly body: Buffer;
  readonly events: readonly Draft[];
  readonly refused: readonly Refusal[];
  /**
   * Quarantined events that this record releases: they leave quarantine in the same commit, and were counted as received before. If one of them
   * is not in quarantine any more, another record has released it: then this record stores and counts nothing, and all its events are
   * duplicates.
   */
  readonly released?: readonly { readonly id: string; readonly code: string }[];
}

export interface Verdict {
  readonly kind: 'stored' | 'duplicate';
  /** May be 0 for a duplicate that another record released from quarantine. */
  readonly position: Position;
  /** The id under which the event is stored, if its own belongs to another event. */
  readonly id?: string;
}

export interface Stored {
  readonly position: Position;
  readonly event: Event;
  /** Its share of the bytes of its request. */
  readonly bytes: number;
}

/** A read ends at this many bytes, which take some ten milliseconds to parse. */
export const READ_BYTES = 1024 * 1024;

/** The stretch of a shop's log that is kept. For an empty log, oldest = newest + 1. */
export interface Extent {
  readonly oldest: Position;
  readonly newest: Position;
}

/** A position on a shop's log, meaning everything after it. */
export interface Place {
  readonly shop: string;
  readonly after: Position;
}

/** What follows a place. */
export interface Rest {
  /** The newest position of the shop. */
  readonly newest: Position;
  /** When the first event after the place was received, in milliseconds since 1970, to about a second. Undefined if there is none. */
  readonly oldestAt: number | undefined;
}

/** The log cannot guarantee durability now: answer 503, try later. */
export class LogUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LogUnavailable';
  }
}

export interface UnreadableStretch {
  readonly shop: string;
  /** The positions of one record, or one of them. */
  readonly from: Position;
  readonly to: Position;
  readonly dialect: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** What is wrong, without any content of the events. */
  readonly reason: string;
}

/**
 * Intact events that this version cannot read: it does not know their dialect, or its view of them fails, for example after a rollback. Another
 * version can read them.
 */
export class UnreadableEvents extends Error {
  readonly stretch: UnreadableStretch;

  constructor(stretch: UnreadableStretch, options?: ErrorOptions) {
    const { from, to, reason } = stretch;
    const which = from === to ? `event ${from}` : `the events ${from} to ${to}`;
    super(`${which} of the log cannot be read by this version: ${reason}`, options);
    this.name = 'UnreadableEvents';
    this.stretch = stretch;
  }

  /** The same error for one of the positions. */
  at(position: Position): UnreadableEvents {
    return new UnreadableEvents({ ...this.stretch, from: position, to: position }, { cause: this.cause });
  }
}

/** The log cannot be opened with these settings or in this state. The message is a sentence for the operator: what to do, without secrets. */
export class LogUnusable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LogUnusable';
  }
}

export type Durability = 'disk' | 'replicated' | 'process' | 'ephemeral';

export interface EventLog {
  readonly durability: Durability;
  /** Why no append can succeed now; undefined if appends work. An embedded log whose commit failed stays failed: restart the process. */
  readonly failure: Error | undefined;
  /**
   * Stores one request. Resolves with one verdict per draft, in order, once the accepted events, the refused ones (as quarantine) and the shop's
   * tally are durable together. Idempotent by (shop, event id) within the dedup window, also within one record; a duplicate of an event whose
   * commit is still running resolves after that commit. The log groups commits itself. Rejects with LogUnavailable if durability cannot be
   * guaranteed; then nothing of the record counts as stored. `onJoined` is called once only the disk is waited for.
   */
  append(record: LogRecord, onJoined?: () => void): Promise<Verdict[]>;
  /**
   * Events of one shop after a position, in order: at least one, up to `limit`, up to and including the one that reaches READ_BYTES. Waits for
   * the first one. An aborted signal ends only the wait: what is there is given, or []. A gap in the positions means events that are no longer
   * kept or were damaged. Rejects with UnreadableEvents if this version cannot read the first event.
   */
  read(shop: string, after: Position, limit: number, signal: AbortSignal): Promise<Stored[]>;
  /** Rejects with UnreadableEvents if this version cannot read the event. */
  find(shop: string, eventId: string): Promise<Stored | undefined>;
  extent(shop: string): Promise<Extent>;
  /** Every shop that ever got a request, configured or not, by name. */
  shops(): Promise<string[]>;
  /** The newest position of each shop, in the given order. */
  heads(shops: readonly string[]): Promise<Position[]>;
  /** What follows each place, in the given order, in one query. */
  rests(places: readonly Place[]): Promise<Rest[]>;
  /** The last position received before a time (milliseconds since 1970); 0 or more, at most the newest. */
  before(shop: string, time: number): Promise<Position>;
  /** The counts of a shop since the log began; exact across crashes. */
  tally(shop: string): Promise<Tally>;
  /** The same for several shops, in the given order, in one query. */
  tallies(shops: readonly string[]): Promise<Tally[]>;
  /** Removes events that are older than `before` and passed by every pipeline (`passed`), and the oldest ones above `maxBytes`. */
  trim(options: TrimOptions): Promise<Trimmed>;
  /** Resolves after the last commit; later appends reject. */
  close(): Promise<void>;
}

/** received = appended + duplicate + the sum of quarantined. */
export interface Tally {
  readonly received: number;
  readonly appended: number;
  readonly duplicate: number;
  /** By refusal code. */
  readonly quarantined: Readonly<Record<string, number>>;
}

export interface TrimOptions {
  readonly before: Date;
  readonly passed: (shop: string) => Position;
  readonly maxBytes: number;
  /** Ends the trimming early; what it has done stays done. */
  readonly stopping?: AbortSignal;
}

export interface Trimmed {
  readonly events: number;
  /** Events among them that some pipeline had not passed, by shop. */
  readonly unpassed: Readonly<Record<string, number>>;
}
