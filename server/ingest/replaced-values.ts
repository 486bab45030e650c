import type { Reading } from '../../adapters/dialects/dialect.ts';
import type { Replaced } from '../../adapters/dialects/replaced.ts';
import type { Verdict } from '../../adapters/logs/log.ts';

/** A value that a client sent and its event lost, as short stable words for metrics. */
export type ReplacedValue = Replaced | { readonly field: 'event_id'; readonly reason: 'reused' };

const REUSED: ReplacedValue = { field: 'event_id', reason: 'reused' };

/** The values that the events of a body lost, to their dialect or to the log. */
export function replacedIn({ replaced = [] }: Reading, verdicts: readonly Verdict[]): readonly ReplacedValue[] {
  const reused = verdicts.filter(({ kind, id }) => kind === 'stored' && id !== undefined);
  return reused.length === 0 ? replaced : [...replaced, ...reused.map(() => REUSED)];
}
