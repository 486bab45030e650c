import { view } from '../adapters/dialects/index.ts';
import { migrate, openStore } from '../adapters/logs/index.ts';
import { type Durability, LogUnavailable } from '../adapters/logs/log.ts';
import type { Store, StoreOptions } from '../adapters/logs/store.ts';
import type { Settings } from '../schemas/settings.ts';
import { ageing, type Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import { ConfigError, isProduction } from './settings.ts';

export interface StoreTools {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the log can promise nothing any more. The process should stop. */
  readonly onFailure: (error: unknown) => void;
}

/** Opens the log that LOG_URL names. Throws ConfigError where it cannot be reached, and in production where it promises less than a disk. */
export async function openLog(tools: StoreTools): Promise<Store> {
  const { settings } = tools;
  const durability = durabilityHere(settings);
  // Known before a file is made; what a database promises it says itself.
  if (durability !== undefined) refuseWeak(durability, settings);
  const store = await openStore(settings.LOG_URL, { ...optionsOf(tools), durability: durability ?? 'disk' }).catch(
    (error: unknown) => {
      if (!(error instanceof LogUnavailable)) throw error;
      throw new ConfigError([`LOG_URL must name a log that can be reached, got ${error.message}`], { cause: error });
    },
  );
  try {
    refuseWeak(store.log.durability, settings);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

const optionsOf = ({ settings, clock, logger, onFailure }: StoreTools): Omit<StoreOptions, 'durability'> => ({
  view,
  dedupMs: settings.DEDUP_HOURS * 3_600_000,
  quarantineMax: settings.QUARANTINE_MAX_PER_SHOP,
  process: settings.PROCESS,
  connections: settings.DATABASE_CONNECTIONS,
  encrypt: isWiped(settings),
  now: ageing(clock),
  onFailure,
  onDamage: (damage) => logger.error({ ...damage }, 'the log was damaged'),
  onCorrupt: (shop, from, to) =>
    logger.error({ shop, from, to }, 'stored events cannot be read: their bytes changed on disk'),
});

/** Brings the log's database up to date; gives the names of what was done. */
export const migrateLog = (settings: Settings): Promise<readonly string[]> =>
  migrate(settings.LOG_URL, isWiped(settings));

/** How much an answer promises with a log on this machine; undefined for one elsewhere. */
function durabilityHere(settings: Settings): Durability | undefined {
  if (settings.LOG_URL.startsWith('memory:')) return 'process';
  if (settings.LOG_URL.startsWith('lmdb:')) return isWiped(settings) ? 'ephemeral' : 'disk';
  return undefined;
}

function refuseWeak(durability: Durability, settings: Settings): void {
  const lasts = durability === 'disk' || durability === 'replicated';
  if (lasts || !isProduction(settings) || settings.ALLOW_WEAK_DURABILITY) return;
  throw new ConfigError([
    `LOG_URL must name a log that lasts, got ${kindOf(settings)}, which here is ${durability}: acknowledged events would be lost at the next restart. ` +
      `${remedy(settings)} Or set ALLOW_WEAK_DURABILITY=1 to accept that.`,
  ]);
}

const kindOf = ({ LOG_URL }: Settings): string => LOG_URL.replace(/:\/\/.*/s, '://…');

function remedy(settings: Settings): string {
  if (/^postgres/.test(settings.LOG_URL)) return 'Let the database run with fsync=on and synchronous_commit=on.';
  if (isWiped(settings)) return 'Add PostgreSQL: heroku addons:create heroku-postgresql:essential-0';
  return 'Use lmdb:<folder> on a disk that lasts, or postgres://…';
}

/** Heroku names its dynos web.1, and wipes their disks; Dokku names them too, but says so. */
const isWiped = ({ DYNO, DOKKU_APP_NAME }: Settings): boolean => DYNO !== undefined && DOKKU_APP_NAME === undefined;
