import { meant } from '../../adapters/closest.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import { NotFound } from '../base/errors.ts';

/** The error for a pipeline that does not exist; it suggests the known one that was probably meant. */
export function pipelineNotFound(
  { shop, pipeline }: PipelineId,
  known: readonly PipelineId[],
  kind = 'pipeline',
): NotFound {
  const own = known.filter((one) => one.shop === shop).map((one) => one.pipeline);
  const shops = [...new Set(known.map((one) => one.shop))];
  return own.length === 0
    ? new NotFound(`no ${kind} ${pipeline}, and no shop ${shop} with one${meant(shop, shops)}`)
    : new NotFound(`no ${kind} ${pipeline} in the shop ${shop}${meant(pipeline, own)}`);
}
