import { iso } from '../../adapters/dialects/timestamp.ts';
import type { EventLog } from '../../adapters/logs/log.ts';
import type { Cursor } from '../../adapters/logs/state/cursors.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import type { Logger } from '../base/logger.ts';
import type { DeliverOptions } from './deliver.ts';
import type { Recovery } from './streak.ts';

type LogLines = Pick<DeliverOptions, 'onFailing' | 'onRecovered' | 'onSuspended' | 'onMissing' | 'onAttempt'>;

/** The log lines of a pipeline. Names are snake_case and times ISO 8601, as in every answer. */
export function logLinesOf(
  id: PipelineId,
  cursor: Pick<Cursor, 'progress'>,
  log: Pick<EventLog, 'heads'>,
  logger: Logger,
): LogLines {
  return {
    onFailing: ({ since, attempts, reason }) =>
      logger.error(
        { ...id, state: 'failing', failing_since: iso(since), failed_attempts: attempts, reason },
        'pipeline failing',
      ),
    onRecovered: (recovery, settledAhead) => void logRecovered(id, cursor, log, logger, recovery, settledAhead),
    onSuspended: ({ reason, at }) =>
      logger.error({ ...id, state: 'suspended', since: iso(at), reason }, 'pipeline suspended'),
    onMissing: (events, reason) => logger.error({ ...id, events, reason }, 'events are missing from the log'),
    onAttempt: (attempt) => {
      if (attempt.open + attempt.rejected > 0) logger.warn(attempt, 'delivery attempted');
      else logger.debug(attempt, 'delivery attempted');
    },
  };
}

/** Leaves out `pending` if the log cannot be asked. */
async function logRecovered(
  { shop, pipeline }: PipelineId,
  cursor: Pick<Cursor, 'progress'>,
  log: Pick<EventLog, 'heads'>,
  logger: Logger,
  { since, failedMs, attempts, reason }: Recovery,
  settledAhead: number,
): Promise<void> {
  const { position } = cursor.progress;
  const [newest] = await log.heads([shop]).catch(() => []);
  const said = {
    ...{ shop, pipeline, failing_since: iso(since), failed_for_seconds: Math.round(failedMs / 100) / 10 },
    ...{ failed_attempts: attempts, reason },
    ...(newest !== undefined && { pending: Math.max(0, newest - position - settledAhead) }),
  };
  logger.info(said, 'pipeline recovered');
}
