import { iso } from '../../adapters/dialects/timestamp.ts';
import type { Position, Stored } from '../../adapters/logs/log.ts';
import type { DeadLetter } from '../../adapters/logs/state/dead-letters.ts';
import type { JournalLine } from '../../adapters/logs/state/journal.ts';
import type { Ahead } from '../../adapters/logs/state/progress.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { PipelineReceipt } from '../../schemas/admin-api/receipts.ts';
import type { Event } from '../../schemas/event.ts';
import type { PipelineStatus } from '../deliver/pipelines.ts';
import { laneOf, reasonInFull, router } from '../deliver/route.ts';
import { standingOf } from '../deliver/standing.ts';
import { covers } from '../deliver/stretches.ts';

/**
 * What one pipeline did with a stored event. Computed from positions, journal and rules; nothing is stored per event. `oldest`: the log's
 * oldest position of the shop. `now`: milliseconds since 1970.
 */
export async function pipelineReceipt(
  state: Store['state'],
  { position, event }: Stored,
  statuses: PipelineStatus,
  { oldest, now }: { readonly oldest: Position; readonly now: number },
): Promise<PipelineReceipt> {
  const { id, progress } = statuses;
  const { pipeline } = id;
  if (position <= progress.start) return { pipeline, state: 'before', starts_after: progress.start };
  const ahead = position > progress.position ? aheadReceipt(pipeline, progress.ahead, position, event) : undefined;
  if (ahead) return ahead;
  const filtered = await filteredBy(state, id, position, event);
  if (position > progress.position) {
    if (filtered) return { pipeline, state: 'filtered', reason: filtered };
    const behind = position - progress.position - 1;
    return { pipeline, state: 'pending', behind, standing: standingOf(statuses, now) };
  }
  const letter = await state.deadLetters.at(id, position);
  if (letter?.ended?.kind === 'delivered') {
    const { at, attempts, status } = letter.ended;
    return { pipeline, state: 'delivered', at: iso(at), attempts, status };
  }
  if (letter?.ended) {
    const { kind, at } = letter.ended;
    return { pipeline, state: 'dropped', reason: `${ENDED[kind]} at ${iso(at)}: ${letter.reason}` };
  }
  if (letter) {
    const { at, attempts, reason, redrive = false, leftOut } = letter;
    const unwanted = leftOut && ` (not sent again at ${iso(leftOut.at)}, since the filter says: ${leftOut.reason})`;
    return { pipeline, state: 'dead', at: iso(at), attempts, reason: reason + (unwanted ?? ''), redriving: redrive };
  }
  const line = await state.journal.lineAt(id, position);
  const isEarly = covers(line?.early ?? [], position);
  if (filtered && !isEarly) return { pipeline, state: 'filtered', reason: filtered };
  if (line?.discardedAt !== undefined && !isEarly)
    return {
      pipeline,
      state: 'dropped',
      reason: `discarded at ${iso(line.discardedAt)}: its pipeline was not configured`,
    };
  const batch = line && batchOf(line, position, event);
  if (batch) return { pipeline, state: 'delivered', at: iso(batch.at), attempts: batch.attempts, status: batch.status };
  // If the log has the event and the journal no line about it, it could not be read when the pipeline passed it.
  return line === undefined && position >= oldest
    ? { pipeline, state: 'dropped', reason: 'unreadable' }
    : { pipeline, state: 'delivered' };
}

const ENDED: Readonly<Record<NonNullable<DeadLetter['ended']>['kind'], string>> = {
  delivered: 'delivered',
  discarded: 'discarded',
  count: 'let go by DEAD_LETTERS_MAX_PER_PIPELINE',
  age: 'let go by DEAD_LETTER_DAYS',
};

/** The receipt of an event that is settled ahead of the cursor; undefined if it is not. */
function aheadReceipt(
  pipeline: string,
  ahead: Ahead | undefined,
  position: Position,
  event: Event,
): PipelineReceipt | undefined {
  if (ahead === undefined) return undefined;
  const letter = ahead.dead.find((one) => one.position === position);
  if (letter) {
    const { at, attempts, reason } = letter;
    return { pipeline, state: 'dead', at: iso(at), attempts, reason, redriving: false };
  }
  if (!covers(ahead.delivered, position)) return undefined;
  const batch = batchOf({ from: 0, to: 0, lanes: 1, batches: ahead.batches }, position, event);
  return {
    pipeline,
    state: 'delivered',
    ...(batch && { at: iso(batch.at), attempts: batch.attempts, status: batch.status }),
  };
}

async function filteredBy(
  state: Store['state'],
  id: PipelineId,
  position: Position,
  event: Event,
): Promise<string | undefined> {
  const rule = await state.journal.ruleAt(id, position);
  if (rule === undefined) return undefined;
  const { events, channels, trust, consent, whenUnknown } = rule;
  const filter = {
    events: [...events],
    consent: [...consent],
    whenUnknown,
    ...(channels && { channels: [...channels] }),
    ...(trust && { trust }),
  };
  const reason = router(filter)(event);
  return reason && reasonInFull(reason, event, filter);
}

/** The batch that settled a position: the last one of its shopper's lane that covers it. */
function batchOf({ lanes, batches }: JournalLine, position: Position, event: Event) {
  return batches.findLast(
    (batch) => batch.lane === laneOf(event, batch.lanes ?? lanes) && batch.first <= position && batch.last >= position,
  );
}
