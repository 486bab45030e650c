import type { Cursors } from './cursors.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Jobs } from './jobs.ts';
import type { Journal } from './journal.ts';
import type { Quarantine } from './quarantine.ts';
import type { Replays } from './replays.ts';

/** The state beside the log in the same engine: small and transactional. */
export interface State {
  readonly cursors: Cursors;
  readonly journal: Journal;
  readonly deadLetters: DeadLetters;
  readonly quarantine: Quarantine;
  readonly replays: Replays;
  readonly jobs: Jobs;
}
