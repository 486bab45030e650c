import type { EventLog } from '../../adapters/logs/log.ts';
import type { PipelineRef } from '../../schemas/admin-api/pipelines.ts';
import type { PipelineStanding } from '../../schemas/pipeline-state.ts';
import type { PipelineStatus } from '../deliver/pipelines.ts';
import { standingOf } from '../deliver/standing.ts';
import type { Damage } from '../log/damage.ts';
import { detailOf } from '../log/disk.ts';
import type { OpenedLog } from '../log/store.ts';

export interface Readiness {
  readonly ready: boolean;
  readonly log: LogHealth;
  readonly draining: boolean;
  /** Whether every event is accounted for. */
  readonly balanced: boolean;
  readonly pipelines: readonly PipelineHealth[];
}

interface LogHealth {
  readonly durability: EventLog['durability'];
  /** Why no event can be stored. */
  readonly failure?: string;
  /** What is wrong with the disk. */
  readonly disk?: string;
  /** The damage and where the damaged file is. Shown until the process ends; new events are stored safely. */
  readonly damage?: Omit<Damage, 'since'> & { readonly since: string };
}

type PipelineHealth = PipelineRef & PipelineStanding;

/** The report while the log does not answer. */
export const unreachable = (opened: OpenedLog, draining: boolean, { message: failure }: Error): Readiness => ({
  ready: false,
  log: { ...logHealth(opened), failure },
  draining,
  balanced: true,
  pipelines: [],
});

/** Ready means that an event sent now would be stored. Pipelines in trouble are listed and do not change that. */
export function readiness(
  opened: OpenedLog,
  draining: boolean,
  balanced: boolean,
  statuses: readonly PipelineStatus[],
  now: number,
): Readiness {
  return {
    ready: !draining && opened.log.failure === undefined && opened.disk.pressure() !== 'all',
    log: logHealth(opened),
    draining,
    balanced,
    pipelines: statuses.map((one) => ({ ...one.id, ...standingOf(one, now) })),
  };
}

function logHealth({ log, disk, damage }: OpenedLog): LogHealth {
  const { durability, failure } = log;
  const [room, damaged] = [detailOf(disk.room()), damage()];
  return {
    durability,
    ...(failure && { failure: failure.message }),
    ...(room !== undefined && { disk: room }),
    ...(damaged && { damage: { ...damaged, since: new Date(damaged.since).toISOString() } }),
  };
}
