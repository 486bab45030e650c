import type { Position } from '../../adapters/logs/log.ts';
import type { Standing } from '../../adapters/logs/state/cursors.ts';
import type { Progress } from '../../adapters/logs/state/progress.ts';
import type { PipelineStanding, PipelineState } from '../../schemas/pipeline-state.ts';

/** What a pipeline's standing is computed from. Times in milliseconds since 1970. */
export interface StandingSource {
  readonly state: PipelineState;
  readonly progress: Progress;
  /** Number of events beyond its cursor. */
  readonly pending: number;
  /** When the oldest of them was received, if the log still has it. */
  readonly oldestAt?: number | undefined;
  readonly unmovedSince?: number | undefined;
}

/** The state of a configured pipeline. An operator's suspension comes first, then the lack of a process that delivers. */
export function stateOf({ progress, moved }: Pick<Standing, 'progress' | 'moved'>, newest: Position): PipelineState {
  if (progress.suspended) return 'suspended';
  if (!moved) return 'unmoved';
  if (progress.failingSince !== undefined) return 'failing';
  return newest > progress.position ? 'delivering' : 'idle';
}

const REASONS: Partial<Record<PipelineState, string>> = {
  unmoved: 'no process moves it: start one with PROCESS=worker or all',
  orphaned: 'it is not configured',
};

/** How a pipeline does, for every surface: admin API, command line, `/readyz`, metrics, receipts. */
export function standingOf(
  { state, progress, pending, oldestAt, unmovedSince }: StandingSource,
  now: number,
): PipelineStanding {
  const { failingSince, suspended, left, lastSuccessAt } = progress;
  // An earlier release that runs beside this one ends a failure without removing these details.
  const failure = failingSince === undefined ? undefined : progress.failure;
  const next = state === 'failing' ? failure?.nextAttemptAt : undefined;
  const reason = REASONS[state] ?? (state === 'suspended' ? suspended?.reason : failure?.reason);
  const since: Partial<Record<PipelineState, number | undefined>> = {
    failing: failingSince,
    suspended: suspended?.at,
    unmoved: unmovedSince,
    orphaned: left?.at,
  };
  return {
    state,
    ...time('since', since[state]),
    ...(reason !== undefined && { reason }),
    ...time('failing_since', failingSince),
    failed_attempts: failure?.attempts ?? 0,
    ...time('next_attempt_at', next !== undefined && next > now ? next : undefined),
    ...time('last_success_at', lastSuccessAt),
    pending,
    lag_seconds: pending > 0 ? lagSeconds(oldestAt, now) : 0,
  };
}

/** Seconds, to a tenth: with more digits the value would differ at every look. */
const lagSeconds = (oldestAt: number | undefined, now: number): number =>
  oldestAt === undefined ? 0 : Math.max(0, Math.round((now - oldestAt) / 100) / 10);

const time = <Name extends string>(name: Name, at: number | undefined): { readonly [N in Name]?: string } =>
  (at === undefined ? {} : { [name]: new Date(at).toISOString() }) as { readonly [N in Name]?: string };
