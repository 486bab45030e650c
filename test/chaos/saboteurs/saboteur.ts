import type { Change } from '../build-copy.ts';

/** A gateway that breaks its promise, and by which of the findings the audit must see it. */
export interface Saboteur {
  readonly name: string;
  /** What it does, in the table's words. */
  readonly does: string;
  readonly changes: readonly Change[];
  /** How it is played; the honest build is played the same way. */
  readonly audit: AuditName;
  readonly caughtBy: readonly string[];
}

export type AuditName =
  | 'kill'
  | 'power'
  | 'books'
  | 'orders'
  | 'unreadable'
  | 'lookback'
  | 'shutout'
  | 'dust'
  | 'pipelines'
  | 'kill on PostgreSQL'
  | 'crash of PostgreSQL';
