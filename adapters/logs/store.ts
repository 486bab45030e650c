import type { Contents, View } from '../dialects/dialect.ts';
import type { Durability, EventLog } from './log.ts';
import type { State } from './state/state.ts';

/** A log and the state beside it, in one engine, opened and closed together. */
export interface Store {
  readonly log: EventLog;
  readonly state: State;
  /** Room inside the log's file that new events can take before the file grows; 0 if absent. */
  reusableBytes?(): number;
  /** What the whole database takes, for a log in one. Rejects with LogUnavailable. */
  databaseBytes?(): Promise<number>;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Makes events of stored bytes. */
  readonly view: View;
  /** Tells events apart that come with one id; without it every event with a known id is a duplicate. */
  readonly contents?: Contents;
  readonly durability: Durability;
  /** How long an id is remembered for dedup, in milliseconds. */
  readonly dedupMs: number;
  /** Most ids that an embedded log remembers, of all shops together. */
  readonly dedupMax: number;
  /** Most quarantined events kept for one shop; the oldest leave first. */
  readonly quarantineMax: number;
  /** Most bytes that the bodies of one shop's quarantined events may take together. */
  readonly quarantineMaxBytes: number;
  /** How long a quarantined event is kept, in milliseconds. */
  readonly quarantineMs: number;
  /** Most open dead letters kept for one pipeline; the oldest leave first. */
  readonly deadLettersMax: number;
  /** How long an open dead letter is kept, in milliseconds. */
  readonly deadLetterMs: number;
  /** What this process does: takes events, moves pipelines, or both. */
  readonly process: 'all' | 'web' | 'worker';
  /** Most connections to a database, of all processes together. */
  readonly connections: number;
  /** How long a database may take; 8 s and 10 s if absent. */
  readonly databaseTimeouts?: DatabaseTimeouts;
  /** How many days of events the log is to keep; 0 if absent. */
  readonly retentionDays?: number;
  /** Whether a database is spoken to with TLS although its URL does not say so. */
  readonly encrypt: boolean;
  /** Milliseconds since 1970, by which what is kept grows old. */
  readonly now: () => number;
  /** Why nothing may be written now, such as a disk without any room; undefined if writes are possible. A commit that fails ends an embedded log. */
  readonly writesBlockedBy?: () => string | undefined;
  /** Called once, when the log can promise nothing any more. The process should stop. */
  readonly onFailure: (error: Error) => void;
  /** Called at the start, where the log's file was found damaged. */
  readonly onDamage: (damage: DamageReport) => void;
  /** Called where an embedded log cannot note how far it has come, once until it can: it goes on, and after damage less is known of the pipelines. */
  readonly onUnmarked?: (error: Error) => void;
  /** Called at most once an hour when ids are forgotten before their time, with the milliseconds that they are still known for. */
  readonly onDedupShortened: (ms: number) => void;
  /** Called when stored events cannot be read: their bytes changed on disk. */
  readonly onCorrupt: (shop: string, from: number, to: number) => void;
}

export interface DatabaseTimeouts {
  /** A database that does not answer within this time is treated as gone: the client gets its 503 while it still waits. */
  readonly queryMs: number;
  /** The database ends a transaction in which it was asked nothing for this time. */
  readonly idleTransactionMs: number;
}

export interface DamageReport {
  readonly reason: string;
  /** Where the damaged file is now, and how many of its events were intact and are stored anew. */
  readonly aside?: string;
  readonly events?: number;
  /** Intact events in it that this version cannot read: they are only there. */
  readonly unreadable?: number;
}
