import type { Rest } from '../../adapters/logs/log.ts';
import type { NamedStanding, PipelineId } from '../../adapters/logs/state.ts';
import type { PipelineStatus } from './pipelines.ts';

/** Replays keep their progress under such names; no pipeline can be called so. */
export const isReplay = ({ pipeline }: PipelineId): boolean => /-r\d+$/.test(pipeline);

/**
 * A pipeline that began and is not configured, with what it owes: the events up to the newest when it left, and its dead letters.
 * Undefined where another process has it in its configuration, and for replays.
 */
export function orphanOf({ id, progress, moved }: NamedStanding, rest: Rest): PipelineStatus | undefined {
  if (isReplay(id)) return undefined;
  const { left, position, suspended } = progress;
  if (left === undefined && moved && !suspended) return undefined;
  const newest = Math.max(left?.newest ?? rest.newest, position);
  return { id, state: 'orphaned', progress, newest, pending: newest - position, oldestAt: rest.oldestAt };
}

/** Whether an operator has to decide about it. */
export const isOrphaned = ({ state, progress, pending }: PipelineStatus): boolean =>
  state === 'orphaned' && !progress.left?.settled && (pending > 0 || progress.dead > 0);
