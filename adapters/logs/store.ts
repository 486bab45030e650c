import type { Contents, View } from '../dialects/dialect.ts';
import type { Durability, EventLog } from './log.ts';
import type { State } from './state/state.ts';

/** A log and the state beside it, in one engine. They are opened and closed together. */
export interface Store {
  readonly log: EventLog;
  readonly state: State;
  /** Room inside the log's file that new events can use before it grows; absent means 0. */
  reusableBytes?(): number;
  /** Size of the whole database, for a log in one. Rejects with LogUnavailable. */
  databaseBytes?(): Promise<number>;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Makes events of stored bytes. */
  readonly view: View;
  /** Distinguishes events with the same id. Without it every event with a known id is a duplicate. */
  readonly contents?: Contents;
  readonly durability: Durability;
  /** How long an id is known for dedup, in milliseconds. */
  readonly dedupMs: number;
  /** Most ids that an embedded log knows, over all shops. */
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
  /** Timeouts of a database; 8 s and 10 s if absent. */
  readonly databaseTimeouts?: DatabaseTimeouts;
  /** How many days of events the log is to keep; 0 if absent. */
  readonly retentionDays?: number;
  /** Whether to use TLS if the URL does not say. */
  readonly encrypt: boolean;
  /** Milliseconds since 1970; ageing goes by this clock. */
  readonly now: () => number;
  /** Why nothing may be written now, such as a full disk; undefined if writes are possible. A failed commit ends an embedded log. */
  readonly writesBlockedBy?: () => string | undefined;
  /** Called once, when the log cannot guarantee anything any more. The process should stop. */
  readonly onFailure: (error: Error) => void;
  /** Called at the start if the log's file was damaged. */
  readonly onDamage: (damage: DamageReport) => void;
  /**
   * Called when an embedded log cannot write its mark; once, until it succeeds again. It continues, but after damage less is known of the
   * pipelines.
   */
  readonly onUnmarked?: (error: Error) => void;
  /** Called at most once an hour when ids are forgotten before their time, with the milliseconds that they are still known for. */
  readonly onDedupShortened: (ms: number) => void;
  /** Called when stored events cannot be read: their bytes changed on disk. */
  readonly onCorrupt: (shop: string, from: number, to: number) => void;
}

export interface DatabaseTimeouts {
  /** A database that is silent for this long counts as gone: the client gets its 503 while it still waits. */
  readonly queryMs: number;
  /** The database ends a transaction that is idle for this long. */
  readonly idleTransactionMs: number;
}

export interface DamageReport {
  readonly reason: string;
  /** Where the damaged file is now, and how many of its events were intact and are stored anew. */
  readonly aside?: string;
  readonly events?: number;
  /** Intact events that this version cannot read: they exist only in that file. */
  readonly unreadable?: number;
}
