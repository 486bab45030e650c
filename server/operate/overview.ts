import type { EventLog } from '../../adapters/logs/log.ts';
import type { DeadLetterLimit } from '../../adapters/logs/state/dead-letters.ts';
import type { QuarantineSums } from '../../adapters/logs/state/quarantine.ts';
import type { State } from '../../adapters/logs/state/state.ts';
import type { Balance } from '../../schemas/admin-api/balance.ts';
import type { PipelineStatus } from '../deliver/pipelines.ts';
import { balanceOf } from './balance.ts';

export interface OverviewSources {
  readonly log: EventLog;
  readonly state: Pick<State, 'quarantine' | 'deadLetters'>;
  readonly shops: () => readonly string[];
  readonly statuses: () => Promise<readonly PipelineStatus[]>;
  /** Milliseconds of the steady clock. */
  readonly now: () => number;
}

/** How every pipeline and shop stands. */
export interface Overview {
  readonly statuses: readonly PipelineStatus[];
  readonly balance: Balance;
  /** By shop. */
  readonly quarantine: ReadonlyMap<string, QuarantineSums>;
  /** Dead letters that a limit has dropped, one entry for each of `statuses`. */
  readonly letGo: readonly Readonly<Record<DeadLetterLimit, number>>[];
}

/** Asks the log once for all simultaneous callers, and reuses the answer for a while. */
export interface CachedOverview {
  ask(): Promise<Overview>;
  /** Drops the answer, since the configuration has changed. */
  forget(): void;
}

/** An answer is reused for this many times as long as it took to make. So at most a tenth of the time is spent on it, however many clients ask. */
const KEPT_TIMES = 10;
const KEPT_MOST_MS = 1000;

export function createOverview({ log, state, shops, statuses, now }: OverviewSources): CachedOverview {
  let last: { readonly overview: Promise<Overview>; until: number } | undefined;
  const look = async (): Promise<Overview> => {
    const pipelines = await statuses();
    const names = shops();
    const sums = await state.quarantine.sums(names);
    const quarantine = new Map(sums.map((one, i) => [names[i] ?? '', one]));
    const letGo = await state.deadLetters.letGo(pipelines.map(({ id }) => id));
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
