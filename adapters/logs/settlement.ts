import type { Position } from './log.ts';
import type { Update } from './state/cursors.ts';
import type { Progress } from './state/progress.ts';
import type { Stretch } from './state/shared.ts';

/** A change of a pipeline that left the configuration or returned to it. `at`: milliseconds since 1970. */
export type Settlement =
  /** It left the configuration: it owes the events up to `newest`. */
  | { readonly kind: 'left'; readonly at: number; readonly newest: Position }
  /** It is configured again. A discarded one begins at `newest`; any other continues from where it stopped. */
  | { readonly kind: 'back'; readonly newest: Position }
  /** The log has removed everything before `oldest`. */
  | { readonly kind: 'gone'; readonly oldest: Position }
  /** An operator discarded what it owes. */
  | { readonly kind: 'discarded'; readonly at: number }
  /** It owes nothing any more. */
  | { readonly kind: 'settled' };

/** Applies a settlement to a pipeline's progress; undefined if nothing changes. Every event stays counted. */
export function settledBy(progress: Progress, settlement: Settlement): Update | undefined {
  const { left, ...rest } = progress;
  switch (settlement.kind) {
    case 'left': {
      const { at, newest } = settlement;
      return left
        ? undefined
        : { progress: { ...progress, left: { at, newest: Math.max(newest, progress.position) } } };
    }
    case 'back': {
      if (left === undefined) return undefined;
      return left.settled === 'discarded'
        ? passedOver(rest, settlement.newest, 'discarded', left.at)
        : { progress: rest };
    }
    case 'gone': {
      if (left === undefined || left.settled) return undefined;
      const to = Math.min(settlement.oldest - 1, left.newest);
      return to > progress.position ? passedOver(progress, to, 'retention') : undefined;
    }
    case 'discarded': {
      if (left === undefined || left.settled) return undefined;
      const { suspended: _, failingSince: __, failure: ___, ...still } = progress;
      const ended: Progress = { ...still, left: { ...left, settled: 'discarded' } };
      return passedOver(ended, left.newest, 'discarded', settlement.at);
    }
    case 'settled': {
      if (left === undefined || left.settled || progress.position < left.newest) return undefined;
      const { suspended: _, failingSince: __, failure: ___, ...still } = progress;
      return { progress: { ...still, left: { ...left, settled: 'finished' } } };
    }
  }
}

/** Advances without delivering. `discardedAt` goes to the journal for receipts. */
function passedOver(
  { sending: _, ahead, ...progress }: Progress,
  to: Position,
  reason: 'discarded' | 'retention',
  discardedAt?: number,
): Update {
  const { position, delivered, dropped } = progress;
  if (to <= position) return { progress: { ...progress, ...(ahead && { ahead }) } };
  // What was delivered ahead of the cursor stays delivered.
  const early = (ahead?.delivered ?? [])
    .filter(([from]) => from <= to)
    .map(([from, last]): Stretch => [from, Math.min(last, to)]);
  const sent = early.reduce((sum, [from, last]) => sum + last - from + 1, 0);
  const counted = { ...dropped, [reason]: (dropped[reason] ?? 0) + to - position - sent };
  const line = { from: position + 1, to, lanes: 1, batches: [], ...(early.length > 0 && { early }) };
  return {
    progress: { ...progress, position: to, delivered: delivered + sent, dropped: counted },
    ...((discardedAt !== undefined || early.length > 0) && {
      journal: { ...line, ...(discardedAt !== undefined && { discardedAt }) },
    }),
  };
}
