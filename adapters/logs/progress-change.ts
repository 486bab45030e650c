import type { Position } from './log.ts';
import { type Settlement, settledBy } from './settlement.ts';
import type { Cursor } from './state/cursors.ts';
import type { Progress } from './state/progress.ts';

/** The progress of a new pipeline. */
export const beginning = (start: Position): Progress => ({
  position: start,
  start,
  delivered: 0,
  dead: 0,
  filtered: {},
  dropped: {},
});

/** The progress after a suspension. */
export const suspendedBy =
  (suspended: NonNullable<Progress['suspended']>) =>
  ({ failingSince: _, failure: __, ...progress }: Progress): Progress => ({ ...progress, suspended });

/** The progress after resuming. */
export const resumed = ({ failingSince: _, failure: __, suspended, ...progress }: Progress): Progress => ({
  ...progress,
  ...(suspended?.leaveOut !== undefined && { leaveOut: suspended.leaveOut }),
});

/** Changes a pipeline's progress and releases the pipeline. */
export async function changeAndRelease(cursor: Cursor, change: (progress: Progress) => Progress): Promise<void> {
  try {
    await cursor.save({ progress: change(cursor.progress) });
  } finally {
    await cursor.release();
  }
}

/** Settles a pipeline, releases it, and gives its progress. */
export async function settleAndRelease(cursor: Cursor, settlement: Settlement): Promise<Progress> {
  try {
    const update = settledBy(cursor.progress, settlement);
    if (update) await cursor.save(update);
    return cursor.progress;
  } finally {
    await cursor.release();
  }
}
