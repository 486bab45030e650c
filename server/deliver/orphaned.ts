import type { Rest } from '../../adapters/logs/log.ts';
import type { NamedStanding } from '../../adapters/logs/state/cursors.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import type { PipelineStatus } from './pipelines.ts';

/** Replays keep their progress under names like `archive-r1`, which no pipeline may have. */
export const isReplay = ({ pipeline }: PipelineId): boolean => /-r\d+$/.test(pipeline);

/**
 * The status of a pipeline that has begun and is not configured. It still owes the events up to the newest one when it left, and its
 * dead letters. Undefined if another process has it in its configuration, and for replays.
 */
export function orphanOf({ id, progress, moved }: NamedStanding, rest: Rest): PipelineStatus | undefined {
  if (isReplay(id)) return undefined;
  const { left, position, suspended } = progress;
  if (left === undefined && moved && !suspended) return undefined;
  const newest = Math.max(left?.newest ?? rest.newest, position);
  return { id, state: 'orphaned', progress, newest, pending: newest - position, oldestAt: rest.oldestAt };
}

/** Whether the pipeline still owes something, so that an operator has to adopt or discard it. */
export const isOrphaned = ({ state, progress, pending }: PipelineStatus): boolean =>
  state === 'orphaned' && !progress.left?.settled && (pending > 0 || progress.dead > 0);
