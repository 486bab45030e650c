import type { PipelineReport } from '../../schemas/admin-api/pipelines.ts';
import type { ReplayJob } from '../../schemas/admin-api/replays.ts';
import type { PipelineStatus } from '../deliver/pipelines.ts';
import { standingOf } from '../deliver/standing.ts';
import type { OperatorTools } from './operator.ts';

/** Every pipeline as operators see it. For an adopted orphan the reason names the replay that delivers it. */
export async function pipelineReports({ pipelines, replays, clock }: OperatorTools): Promise<PipelineReport[]> {
  const statuses = await pipelines.statuses();
  const now = clock.now();
  const orphaned = statuses.some(({ state }) => state === 'orphaned');
  const adopted = orphaned ? (await replays.jobs()).filter(({ adopts, state }) => adopts && !isOver(state)) : [];
  return statuses.map((one) => {
    const job = adopted.find(({ shop, adopts }) => shop === one.id.shop && adopts === one.id.pipeline);
    return { ...report(one, now), ...(job && { reason: `replay ${job.id} delivers it to ${job.pipeline}` }) };
  });
}

const isOver = (state: ReplayJob['state']): boolean => state === 'done' || state === 'cancelled';

function report(statuses: PipelineStatus, now: number): PipelineReport {
  const { id, destination, progress } = statuses;
  const { position, delivered, dead, filtered, dropped } = progress;
  return {
    ...id,
    ...(destination !== undefined && { destination }),
    ...standingOf(statuses, now),
    position,
    delivered,
    dead,
    filtered,
    dropped,
  };
}
