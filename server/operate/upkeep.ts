import { LogUnavailable } from '../../adapters/logs/log.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { Settings } from '../../schemas/settings.ts';
import { ageing, type Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Pipelines } from '../deliver/pipelines.ts';
import { balanceOf, isSound } from './balance.ts';
import { forgetOld } from './history.ts';
import { type Orphans, passedBy } from './orphans.ts';
import type { Replays } from './replays.ts';

export interface UpkeepTools {
  readonly store: Store;
  readonly pipelines: Pipelines;
  readonly replays: Replays;
  readonly orphans: Orphans;
  /** The shops that are configured. */
  readonly shops: () => readonly string[];
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with events that left the log although a pipeline had not passed them. */
  readonly onDropped: (shop: string, events: number) => void;
  /** Called with how many ended replays were forgotten. */
  readonly onForgotten: (replays: number) => void;
  readonly onFailure: (error: unknown) => void;
}

const EVERY_MS = 60_000;
const DAY_MS = 24 * 3_600_000;

/** Once a minute until the signal aborts: drops old events and checks the balance. Runs in the process that delivers. */
export async function runUpkeep(tools: UpkeepTools, stopping: AbortSignal): Promise<void> {
  const { clock, logger, onFailure } = tools;
  const now = ageing(clock);
  for (;;) {
    await clock.sleep(EVERY_MS, stopping);
    if (stopping.aborted) return;
    try {
      await trim(tools, now(), stopping);
      await tools.store.state.quarantine.limit(await tools.store.log.shops());
      await tools.orphans.look();
      await tools.orphans.countGone();
      await forget(tools, now());
      // Orphans and replays have dead letters too.
      const every = await tools.store.state.cursors.everyStanding();
      await tools.store.state.deadLetters.limit(every.map(({ id }) => id));
      await checkBooks(tools);
    } catch (error) {
      if (!(error instanceof LogUnavailable)) onFailure(error);
      else logger.warn({ reason: error.message }, 'old events stay until the log can be reached');
    }
  }
}

async function trim(tools: UpkeepTools, now: number, stopping: AbortSignal): Promise<void> {
  const { store, replays, settings, logger, onDropped } = tools;
  const positions = [passedBy(await store.state.cursors.everyStanding()), await replays.passed()];
  const passed = (shop: string): number =>
    Math.min(...positions.map((all) => all.get(shop) ?? Number.MAX_SAFE_INTEGER));
  const before = new Date(now - settings.RETENTION_DAYS * DAY_MS);
  const { unpassed } = await store.log.trim({ before, passed, maxBytes: settings.LOG_MAX_BYTES, stopping });
  for (const [shop, events] of Object.entries(unpassed)) {
    onDropped(shop, events);
    logger.error(
      { shop, events, reason: 'retention' },
      'the log is full: events left it before every pipeline had them',
    );
  }
}

async function forget({ store, logger, onForgotten }: UpkeepTools, now: number): Promise<void> {
  const { replays, pipelines } = await forgetOld(store, now);
  if (replays > 0) onForgotten(replays);
  if (replays + pipelines > 0)
    logger.info({ replays, pipelines }, 'ended replays and finished pipelines are forgotten');
}

async function checkBooks({ store, pipelines, shops, logger }: UpkeepTools): Promise<void> {
  const balance = await balanceOf(store.log, shops(), await pipelines.statuses());
  const wrong = [...balance.shops, ...balance.pipelines].filter((one) => !isSound(one));
  if (wrong.length > 0) logger.error({ wrong }, 'the books do not balance: events are unaccounted for');
}
