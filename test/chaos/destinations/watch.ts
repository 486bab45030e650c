import type { PipelineReport } from '../../../schemas/admin-api/pipelines.ts';
import type { Admin } from '../admin.ts';
import { memoryOf } from '../memory.ts';

/** One thing that a pipeline was seen to do, as often as it was seen. */
export interface Phase {
  readonly kind: PipelineReport['state'];
  readonly reason?: string;
  /** The longest that it meant to wait. */
  readonly waitMs: number;
}

/** How every pipeline does. */
export const reportsOf = async (admin: Admin): Promise<PipelineReport[]> =>
  (await admin.ask<{ pipelines: PipelineReport[] }>('/pipelines')).pipelines;

/** Looks at a gateway twice a second. */
export interface Watch {
  /** What each pipeline was seen to do, by its id. */
  readonly phases: ReadonlyMap<string, readonly Phase[]>;
  /** The most memory of its own that the gateway has had, in megabytes. */
  readonly megabytes: () => number;
  stop(): Promise<void>;
}

export function startWatch(admin: Admin, pid: number): Watch {
  const phases = new Map<string, Phase[]>();
  const stopping = new AbortController();
  let most = 0;
  const look = async () => {
    most = Math.max(most, memoryOf(pid).own);
    for (const { pipeline, ...report } of await reportsOf(admin)) {
      phases.set(pipeline, withPhase(phases.get(pipeline) ?? [], report, Date.now()));
    }
  };
  const ended = (async () => {
    while (!stopping.signal.aborted) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  })();
  return {
    phases,
    megabytes: () => most,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

function withPhase(
  known: readonly Phase[],
  { state: kind, reason, next_attempt_at }: Omit<PipelineReport, 'pipeline'>,
  now: number,
): Phase[] {
  const waitMs = next_attempt_at === undefined ? 0 : Date.parse(next_attempt_at) - now;
  const same = known.find((one) => one.kind === kind && one.reason === reason);
  const seen = { kind, ...(reason !== undefined && { reason }), waitMs: Math.max(waitMs, same?.waitMs ?? 0) };
  return [...known.filter((one) => one !== same), seen];
}
