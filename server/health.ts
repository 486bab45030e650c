import type { EventLog } from '../adapters/logs/log.ts';
import type { Running } from './pipelines.ts';

export interface Readiness {
  readonly ready: boolean;
  readonly log: { readonly durability: EventLog['durability']; readonly failure?: string };
  readonly draining: boolean;
  /** Whether every event is accounted for. */
  readonly balanced: boolean;
  readonly pipelines: readonly PipelineHealth[];
}

interface PipelineHealth {
  readonly shop: string;
  readonly pipeline: string;
  readonly phase: Running['phase']['kind'];
  readonly pending: number;
  readonly reason?: string;
}

/** What is known while the log cannot be asked. */
export const unreachable = ({ durability }: EventLog, draining: boolean, { message: failure }: Error): Readiness => ({
  ready: false,
  log: { durability, failure },
  draining,
  balanced: true,
  pipelines: [],
});

/** Ready means: an event sent now would be kept. A pipeline in trouble is shown, and is no reason to refuse events. */
export function readiness(log: EventLog, draining: boolean, balanced: boolean, running: readonly Running[]): Readiness {
  const { durability, failure } = log;
  return {
    ready: !draining && failure === undefined,
    log: { durability, ...(failure && { failure: failure.message }) },
    draining,
    balanced,
    pipelines: running.map(({ id, phase, pending }) => ({
      ...id,
      phase: phase.kind,
      pending,
      ...('reason' in phase && { reason: phase.reason }),
    })),
  };
}
