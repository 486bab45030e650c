import type { EventLog } from '../../adapters/logs/log.ts';
import type { DeadLetterLimit, QuarantineSums, State } from '../../adapters/logs/state.ts';
import type { Balance } from '../../schemas/admin-api/balance.ts';
import type { PipelineStatus } from '../deliver/pipelines.ts';
import { balanceOf } from './balance.ts';

export interface OverviewSources {
  readonly log: EventLog;
  readonly state: Pick<State, 'quarantineSums' | 'deadLetGo'>;
  readonly shops: () => readonly string[];
  readonly statuses: () => Promise<readonly PipelineStatus[]>;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
}

/** How every pipeline and shop does. */
export interface Overview {
  readonly statuses: readonly PipelineStatus[];
  readonly balance: Balance;
  /** By shop. */
  readonly quarantine: ReadonlyMap<string, QuarantineSums>;
  /** Dead letters that a limit has let go, for each of `statuses`. */
  readonly letGo: readonly Readonly<Record<DeadLetterLimit, number>>[];
}

/** Asks the log for it, once for all who ask at the same time, and gives it again for a while. */
export interface OverviewBook {
  ask(): Promise<Overview>;
  /** Has it asked for anew: the configuration has changed. */
  forget(): void;
}

/** An answer is given again for so many times as long as it took, so that looking takes a tenth of the time at most, whoever asks. */
const KEPT_TIMES = 10;
const KEPT_MOST_MS = 1000;

export function createOverview({ log, state, shops, statuses, now }: OverviewSources): OverviewBook {
  let last: { readonly overview: Promise<Overview>; until: number } | undefined;
  const look = async (): Promise<Overview> => {
    const pipelines = await statuses();
    const names = shops();
    const sums = await state.quarantineSums(names);
    const quarantine = new Map(sums.map((one, i) => [names[i] ?? '', one]));
    const letGo = await state.deadLetGo(pipelines.map(({ id }) => id));
    return { statuses: pipelines, letGo, balance: await balanceOf(log, names, pipelines), quarantine };
  };
  return {
    ask: () => {
      if (last && now() < last.until) return last.overview;
      const began = now();
      const asked = { overview: look(), until: Number.POSITIVE_INFINITY };
      last = asked;
      asked.overview.then(
        () => {
          asked.until = now() + Math.min(KEPT_MOST_MS, KEPT_TIMES * (now() - began));
        },
        () => {
          asked.until = 0;
        },
      );
      return asked.overview;
    },
    forget: () => {
      last = undefined;
    },
  };
}
