import type { LetterLimits } from '../letting-go.ts';
import type { State } from '../state/state.ts';
import { PostgresCursors } from './cursors.ts';
import type { Ask } from './database.ts';
import { PostgresDeadLetters } from './dead-letters.ts';
import { PostgresJobs } from './jobs.ts';
import { PostgresJournal } from './journal.ts';
import type { Leases } from './leases.ts';
import { PostgresLetterLimits } from './letter-limits.ts';
import type { PostgresQuarantine } from './quarantine.ts';
import { PostgresReplays } from './replays.ts';

export interface StateTools {
  readonly leases: Leases;
  readonly quarantine: PostgresQuarantine;
  /** Notifies the other processes that something has changed. */
  readonly tellLeases: () => void;
  /** How long a change waits for the pipeline's holder; half a minute by default. */
  readonly changeMs?: number;
}

/** The state beside the log, in the same database. */
export function stateIn(
  ask: Ask,
  { leases, quarantine, tellLeases, changeMs }: StateTools,
  limits: LetterLimits,
): State {
  const lookEverywhere = () => {
    leases.beat();
    tellLeases();
  };
  const cursors = new PostgresCursors(ask, leases, changeMs);
  return {
    cursors,
    journal: new PostgresJournal(ask),
    deadLetters: new PostgresDeadLetters(ask, cursors, new PostgresLetterLimits(ask, limits), lookEverywhere),
    quarantine,
    replays: new PostgresReplays(ask, leases, lookEverywhere),
    jobs: new PostgresJobs(ask),
  };
}
