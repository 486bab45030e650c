import type { Progress } from '../../adapters/logs/state/progress.ts';
import { type Replay, replayName } from '../../adapters/logs/state/replays.ts';
import type { PipelineRef } from '../../schemas/admin-api/pipelines.ts';
import type { ReplayJob } from '../../schemas/admin-api/replays.ts';
import type { Pipeline } from '../../schemas/config.ts';
import { type Route, router } from '../deliver/route.ts';

type Find = (ref: PipelineRef) => Pipeline | undefined;

/** A replay as operators see it. `find`: gives the configured pipeline of a name. */
export function replayJob(replay: Replay, progress: Progress | undefined, find: Find): ReplayJob {
  const { id, shop, pipeline, after, to, startedAt, ended, adopts } = replay;
  const blocked = !ended && delivererOf(replay, find) === undefined;
  const state = ended ?? (blocked ? 'blocked' : wayOf(progress));
  const reason = state === 'blocked' ? whyBlocked(replay, find) : reasonOf(state, progress);
  const { failingSince } = progress ?? {};
  return {
    id,
    shop,
    pipeline,
    ...(adopts !== undefined && { adopts }),
    state,
    ...(reason !== undefined && { reason }),
    ...(state === 'failing' && failingSince && { failing_since: new Date(failingSince).toISOString() }),
    from: after + 1,
    to,
    position: progress?.position ?? after,
    delivered: progress?.delivered ?? 0,
    dead: progress?.dead ?? 0,
    filtered: Object.values(progress?.filtered ?? {}).reduce((sum, count) => sum + count, 0),
    started_at: new Date(startedAt).toISOString(),
  };
}

/** The pipeline that delivers a replay. An adopted pipeline that is configured again delivers for itself. */
export function delivererOf({ shop, pipeline, adopts }: Replay, find: Find): Pipeline | undefined {
  return adopts !== undefined && find({ shop, pipeline: adopts }) ? undefined : find({ shop, pipeline });
}

/** The name under which a replay keeps its progress and dead letters. */
export const nameOf = (replay: Replay): PipelineRef => ({ shop: replay.shop, pipeline: replayName(replay) });

/** The pipeline's own filter, narrowed to these types of events if any are given. */
export function routeOf(pipeline: Pipeline, types: readonly string[] | undefined): Route {
  const own = router(pipeline);
  if (types === undefined) return own;
  const chosen = router({ events: [...types], consent: [], whenUnknown: 'send' });
  return (event) => own(event) ?? chosen(event);
}

function whyBlocked({ shop, pipeline, adopts }: Replay, find: Find): string {
  const isBack = adopts !== undefined && find({ shop, pipeline }) !== undefined;
  return isBack ? `${adopts} is configured again` : 'its pipeline is not configured';
}

const wayOf = (progress: Progress | undefined) =>
  progress?.suspended ? 'suspended' : progress?.failingSince === undefined ? 'running' : 'failing';

const reasonOf = (state: ReplayJob['state'], progress: Progress | undefined): string | undefined =>
  state === 'suspended' ? progress?.suspended?.reason : state === 'failing' ? progress?.failure?.reason : undefined;
