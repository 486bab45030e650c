import { contents, view } from '../../adapters/dialects/index.ts';
import { withDeadline } from '../../adapters/logs/deadline.ts';
import { logKind, openStore } from '../../adapters/logs/index.ts';
import { type EventLog, LogUnavailable, LogUnusable } from '../../adapters/logs/log.ts';
import type { Store, StoreOptions } from '../../adapters/logs/store.ts';
import type { Settings } from '../../schemas/settings.ts';
import { ageing, type Clock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { durabilityHere, isWiped, refuseWeakLog } from '../config/durability.ts';
import { GatewayFailure } from '../config/start-errors.ts';
import { createDamageRecord, type Damage, type DamageRecord } from './damage.ts';
import { type Disk, detailOf, noDisk, watchDatabase, watchDisk } from './disk.ts';
import { roomToStart } from './waiting.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface StoreTools {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the log cannot guarantee anything any more. The process should stop. */
  readonly onFailure: (error: unknown) => void;
  /** Called when the room on the disk, or the damage, may have changed. */
  readonly onStatus?: () => void;
}

/** A log with its disk and its damage. */
export interface OpenedLog extends Store {
  readonly disk: Disk;
  /** Undefined if nothing was damaged. */
  damage(): Damage | undefined;
}

/**
 * Opens the log that LOG_URL names; if its disk has no room at all, waits for some. Throws ConfigError if the log cannot be reached or used,
 * and in production if a restart would lose it.
 */
export async function openLog(tools: StoreTools): Promise<OpenedLog> {
  const durability = durabilityHere(tools.settings);
  // Checked before any file is created. A database states its durability once it is open.
  if (durability !== undefined) refuseWeakLog(durability, tools.settings);
  const stopping = new AbortController();
  let store: Store | undefined;
  const disk = await diskFor(tools, () => store?.reusableBytes?.() ?? 0, stopping.signal);
  const damageRecord = createDamageRecord(tools.clock.now);
  try {
    await roomToStart(disk, tools);
    store = await opened({ ...optionsOf(tools, disk, damageRecord), durability: durability ?? 'disk' }, tools.settings);
  } catch (error) {
    stopping.abort();
    throw error;
  }
  const { state, close } = store;
  const plan = await planFor(tools, store, stopping.signal);
  return {
    log: onTime(store.log, tools),
    state,
    disk: plan ?? disk,
    damage: damageRecord.damage,
    close: () => {
      stopping.abort();
      return close();
    },
  };
}

/** Rethrows an error of opening a log as a ConfigError for the operator. */
function refuse(error: unknown): never {
  if (error instanceof LogUnusable) throw new ConfigError([error.message], { cause: error });
  if (!(error instanceof LogUnavailable)) throw error;
  throw new ConfigError(
    [
      `LOG_URL: must name a log that can be reached, got ${error.message}; check that it runs and that the URL is right`,
    ],
    { cause: error },
  );
}

async function opened(options: StoreOptions, settings: Settings): Promise<Store> {
  const store = await openStore(settings.LOG_URL, options).catch(refuse);
  try {
    refuseWeakLog(store.log.durability, settings);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

/** Only a log in a folder has a disk to measure. */
function diskFor(
  { settings, clock, logger, onStatus }: StoreTools,
  reusableBytes: () => number,
  stopping: AbortSignal,
): Promise<Disk> | Disk {
  const { LOG_URL, DISK_RESERVE_BYTES: reserveBytes } = settings;
  const folder = logKind(LOG_URL)?.folder?.(LOG_URL);
  if (folder === undefined) return noDisk;
  return watchDisk(
    { folder, reserveBytes, reusableBytes, clock, logger, ...(onStatus && { onLook: onStatus }) },
    stopping,
  );
}

/** A database has a plan to measure instead, if DATABASE_MAX_BYTES states its size. */
async function planFor(
  { settings, clock, logger, onStatus }: StoreTools,
  { databaseBytes }: Store,
  stopping: AbortSignal,
): Promise<Disk | undefined> {
  const { DATABASE_MAX_BYTES: maxBytes, DISK_RESERVE_BYTES: reserveBytes } = settings;
  if (maxBytes === undefined || databaseBytes === undefined) return undefined;
  return watchDatabase(
    { maxBytes, databaseBytes, reserveBytes, clock, logger, ...(onStatus && { onLook: onStatus }) },
    stopping,
  );
}

const onTime = (log: EventLog, { settings, clock, logger }: StoreTools): EventLog =>
  withDeadline(log, {
    limitMs: settings.APPEND_TIMEOUT_SECONDS * 1000,
    now: clock.steady,
    sleep: clock.sleep,
    onLate: (isLate) => {
      if (isLate) logger.error({ seconds: settings.APPEND_TIMEOUT_SECONDS }, 'the log does not answer; events get 503');
      else logger.info('the log answers again');
    },
  });

const optionsOf = (
  { settings, clock, logger, onFailure, onStatus }: StoreTools,
  disk: Disk,
  damageRecord: DamageRecord,
): Omit<StoreOptions, 'durability'> => ({
  view,
  contents,
  dedupMs: settings.DEDUP_HOURS * HOUR_MS,
  dedupMax: settings.DEDUP_MAX_IDS,
  quarantineMax: settings.QUARANTINE_MAX_PER_SHOP,
  quarantineMaxBytes: settings.QUARANTINE_MAX_BYTES_PER_SHOP,
  quarantineMs: settings.QUARANTINE_DAYS * DAY_MS,
  deadLettersMax: settings.DEAD_LETTERS_MAX_PER_PIPELINE,
  deadLetterMs: settings.DEAD_LETTER_DAYS * DAY_MS,
  process: settings.PROCESS,
  connections: settings.DATABASE_CONNECTIONS,
  retentionDays: settings.RETENTION_DAYS,
  encrypt: isWiped(settings),
  now: ageing(clock),
  onFailure: (error) => onFailure(new GatewayFailure(`the log has failed: ${error.message}`, { cause: error })),
  writesBlockedBy: () => (disk.room()?.level === 'none' ? detailOf(disk.room()) : undefined),
  onDamage: (damage) => {
    damageRecord.found(damage);
    logger.error({ ...damage }, 'the log was damaged');
  },
  onUnmarked: (error) =>
    logger.warn(
      { reason: error.message },
      'how far the log has come cannot be written beside it: after damage pipelines would go on from an older place',
    ),
  onDedupShortened: (ms) =>
    logger.warn(
      { hours: Math.round((ms / HOUR_MS) * 100) / 100 },
      'more event ids than DEDUP_MAX_IDS came in DEDUP_HOURS: a repeat after more hours than this is taken for a new event',
    ),
  onCorrupt: (shop, from, to) => {
    damageRecord.unreadable(shop, from, to);
    onStatus?.();
    logger.error({ shop, from, to }, 'stored events cannot be read: their bytes changed on disk');
  },
});

/** Migrates the log's database; gives the names of the migrations that ran. Throws ConfigError. */
export const migrateLog = async (settings: Settings): Promise<readonly string[]> =>
  (await logKind(settings.LOG_URL)?.migrate?.(settings.LOG_URL, isWiped(settings)).catch(refuse)) ?? [];
