import type { EventLog } from '../adapters/logs/log.ts';
import type { QuarantineSums, State } from '../adapters/logs/state.ts';
import { balanceOf } from './balance.ts';
import type { Balance } from './operations.ts';
import type { Running } from './pipelines.ts';

export interface OverviewSources {
  readonly log: EventLog;
  readonly state: Pick<State, 'quarantineSums'>;
  readonly shops: () => readonly string[];
  readonly running: () => Promise<readonly Running[]>;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
}

/** How every pipeline and shop does. */
export interface Overview {
  readonly running: readonly Running[];
  readonly balance: Balance;
  /** By shop. */
  readonly quarantine: ReadonlyMap<string, QuarantineSums>;
}

/** Asks the log for it; one that is younger than a second is given again. */
export interface OverviewBook {
  ask(): Promise<Overview>;
  /** Has it asked for anew: the configuration has changed. */
  forget(): void;
}

const KEPT_MS = 1000;

/** Anybody may ask, as often as they like, so the log is asked once for all who ask within a second. */
export function createOverview({ log, state, shops, running, now }: OverviewSources): OverviewBook {
  let last: { readonly at: number; readonly overview: Promise<Overview>; isAnswered: boolean } | undefined;
  const look = async (): Promise<Overview> => {
    const pipelines = await running();
    const names = shops();
    const sums = await state.quarantineSums(names);
    const quarantine = new Map(sums.map((one, i) => [names[i] ?? '', one]));
    return { running: pipelines, balance: await balanceOf(log, names, pipelines), quarantine };
  };
  return {
    ask: () => {
      if (last && (!last.isAnswered || now() - last.at < KEPT_MS)) return last.overview;
      const asked = { at: now(), overview: look(), isAnswered: false };
      last = asked;
      asked.overview.then(
        () => {
          asked.isAnswered = true;
        },
        () => {
          if (last === asked) last = undefined;
        },
      );
      return asked.overview;
    },
    forget: () => {
      last = undefined;
    },
  };
}
