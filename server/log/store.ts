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
import { type Damage, type DamageBook, openDamageBook } from './damage.ts';
import { type Disk, detailOf, noDisk, watchDatabase, watchDisk } from './disk.ts';
import { roomToStart } from './waiting.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface StoreTools {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the log can promise nothing any more. The process should stop. */
  readonly onFailure: (error: unknown) => void;
  /** Called now and then: the room on the disk, or the damage, may have changed. */
  readonly onStatus?: () => void;
}

/** A log with what is known of it beside what it says itself. */
export interface OpenedLog extends Store {
  readonly disk: Disk;
  /** Undefined as long as nothing was damaged. */
  damage(): Damage | undefined;
}

/**
 * Opens the log that LOG_URL names; waits for a disk that has no room at all. Throws ConfigError where it cannot be reached, and in
 * production where it promises less than a disk.
 */
export async function openLog(tools: StoreTools): Promise<OpenedLog> {
  const durability = durabilityHere(tools.settings);
  // Known before a file is made; what a database promises it says itself.
  if (durability !== undefined) refuseWeakLog(durability, tools.settings);
  const stopping = new AbortController();
  let store: Store | undefined;
  const disk = await diskFor(tools, () => store?.reusableBytes?.() ?? 0, stopping.signal);
  const book = openDamageBook(tools.clock.now);
  try {
    await roomToStart(disk, tools);
    store = await opened({ ...optionsOf(tools, disk, book), durability: durability ?? 'disk' }, tools.settings);
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
    damage: book.damage,
    close: () => {
      stopping.abort();
      return close();
    },
  };
}

/** What keeps a log from being opened, as a sentence for the operator. */
function refuse(error: unknown): never {
  if (error instanceof LogUnusable) throw new ConfigError([error.message], { cause: error });
  if (!(error instanceof LogUnavailable)) throw error;
  throw new ConfigError(
    [
      `LOG_URL must name a log that can be reached, got ${error.message}; see that it runs, and that the URL leads to it`,
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

/** Only a log in a folder has a disk of its own to look at. */
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

/** A database has a plan to look at instead, where its size is stated. */
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
  book: DamageBook,
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
  obstacle: () => (disk.room()?.level === 'none' ? detailOf(disk.room()) : undefined),
  onDamage: (damage) => {
    book.found(damage);
    logger.error({ ...damage }, 'the log was damaged');
  },
  onUnmarked: (error) =>
    logger.warn(
      { reason: error.message },
      'how far the log has come cannot be written beside it: after damage pipelines would go on from an older place',
    ),
  onCrowded: (ms) =>
    logger.warn(
      { hours: Math.round((ms / HOUR_MS) * 100) / 100 },
      'more event ids than DEDUP_MAX_IDS came in DEDUP_HOURS: a repeat after more hours than this is taken for a new event',
    ),
  onCorrupt: (shop, from, to) => {
    book.unreadable(shop, from, to);
    onStatus?.();
    logger.error({ shop, from, to }, 'stored events cannot be read: their bytes changed on disk');
  },
});

/** Brings the log's database up to date; gives the names of what was done. */
export const migrateLog = async (settings: Settings): Promise<readonly string[]> =>
  (await logKind(settings.LOG_URL)?.migrate?.(settings.LOG_URL, isWiped(settings)).catch(refuse)) ?? [];
