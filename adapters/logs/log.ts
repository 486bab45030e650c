import type { Event } from '../../schemas/event.ts';
import type { Context, Draft, Refusal } from '../dialects/dialect.ts';

/** The ordinal of an event in its shop's log: 1 is the first ever, each event has the next number, none is used twice. */
export type Position = number;

/** What one request brought: the bytes as sent, which of its events may be stored, and which may not and why. */
export interface LogRecord {
  readonly dialect: string;
  readonly context: Context;
  /** The request's own bytes, after decompression. The log keeps a reference until the append settles: do not reuse. */
  readonly body: Buffer;
  readonly events: readonly Draft[];
  readonly refused: readonly Refusal[];
  /**
   * Quarantined events that this record brings after all: they leave quarantine in the same commit, and were counted as received before. Where
   * one of them is not in quarantine any more, another record has brought it: this one stores and counts nothing, and all its events are duplicates.
   */
  readonly released?: readonly { readonly id: string; readonly code: string }[];
}

export interface Verdict {
  readonly kind: 'stored' | 'duplicate';
  /** May be 0 for a duplicate that was brought out of quarantine by another record. */
  readonly position: Position;
  /** The id under which the event is stored, where its own belongs to another event. */
  readonly id?: string;
}

export interface Stored {
  readonly position: Position;
  readonly event: Event;
  /** Its share of what the log keeps of its request. */
  readonly bytes: number;
}

/** With how many bytes a read ends: so much is parsed within some ten milliseconds. */
export const READ_BYTES = 1024 * 1024;

/** The stretch of a shop's log that is kept. An empty log has oldest = newest + 1. */
export interface Extent {
  readonly oldest: Position;
  readonly newest: Position;
}

/** A place on a shop's log: behind this position. */
export interface Place {
  readonly shop: string;
  readonly after: Position;
}

/** What lies behind a place. */
export interface Rest {
  /** The newest position of the shop. */
  readonly newest: Position;
  /** When the first event behind the place was received, in milliseconds since 1970, to about a second. Undefined where none is kept. */
  readonly oldestAt: number | undefined;
}

/** The log cannot promise durability now: answer 503, try later. */
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
  /** What is wrong, without anything of what the events say. */
  readonly reason: string;
}

/**
 * Events that are stored intact and that this version cannot read: it does not know their dialect, or its view of them fails, as it may
 * when a release was rolled back. Another version can read them.
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

  /** The same about one of its positions. */
  at(position: Position): UnreadableEvents {
    return new UnreadableEvents({ ...this.stretch, from: position, to: position }, { cause: this.cause });
  }
}

/** The log cannot be opened as it is set or as it is: a sentence for the operator that says what to do, without secrets. */
export class LogUnusable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LogUnusable';
  }
}

export type Durability = 'disk' | 'replicated' | 'process' | 'ephemeral';

export interface EventLog {
  readonly durability: Durability;
  /** Why no append can succeed now, if so. An embedded log whose commit failed stays failed: restart the process. */
  readonly failure: Error | undefined;
  /**
   * Stores one request. Resolves once the accepted events, the refused ones (as quarantine) and the shop's tally are durable together,
   * at the log's level, with one verdict per draft in order. Idempotent by (shop, event id) within the dedup window, also within one record; a duplicate of an
   * event whose commit is still running resolves after that commit. Group commit is the log's business.
   * Rejects with LogUnavailable where it cannot promise durability; then nothing of the record counts as stored.
   * `onJoined` is called when nothing but the disk is waited for any more, before the promise settles.
   */
  append(record: LogRecord, onJoined?: () => void): Promise<Verdict[]>;
  /**
   * Events of one shop after a position, in order, at least one and up to `limit`, or up to the one with which they have READ_BYTES;
   * waits for the first. A signal that is aborted ends only the wait: what is there already is given, and [] where nothing is. A gap
   * in the positions means events that are no longer kept or whose bytes were damaged. Rejects with UnreadableEvents where the first
   * that there would be cannot be read by this version.
   */
  read(shop: string, after: Position, limit: number, signal: AbortSignal): Promise<Stored[]>;
  /** Rejects with UnreadableEvents where the event is there and this version cannot read it. */
  find(shop: string, eventId: string): Promise<Stored | undefined>;
  extent(shop: string): Promise<Extent>;
  /** Every shop of which anything ever came, configured or not, by name. */
  shops(): Promise<string[]>;
  /** The newest position of each shop, in their order. */
  heads(shops: readonly string[]): Promise<Position[]>;
  /** What lies behind each place, in their order, at the cost of one question. */
  rests(places: readonly Place[]): Promise<Rest[]>;
  /** The last position received before a time (milliseconds since 1970); 0 or more, at most the newest. */
  before(shop: string, time: number): Promise<Position>;
  /** What came in for each shop since the log began; exact across crashes. */
  tally(shop: string): Promise<Tally>;
  /** The same for each shop, in their order, at the cost of one. */
  tallies(shops: readonly string[]): Promise<Tally[]>;
  /** Lets go of what is older than `before` and passed by every pipeline (`passed`), and of the oldest whatever is past `maxBytes`. */
  trim(options: TrimOptions): Promise<Trimmed>;
  /** Resolves after the last commit; later appends reject. */
  close(): Promise<void>;
}

/** received = appended + duplicate + the sum of quarantined. */
export interface Tally {
  readonly received: number;
  readonly appended: number;
  readonly duplicate: number;
  /** By code of the refusal. */
  readonly quarantined: Readonly<Record<string, number>>;
}

export interface TrimOptions {
  readonly before: Date;
  readonly passed: (shop: string) => Position;
  readonly maxBytes: number;
  /** Ends it before its time; what it has done so far stays. */
  readonly stopping?: AbortSignal;
}

export interface Trimmed {
  readonly events: number;
  /** Of those, events that some pipeline had not passed yet, by shop. */
  readonly unpassed: Readonly<Record<string, number>>;
}
