import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Pressure } from '../overload/pressure.ts';

/** How much room a disk has for the log, from none to enough. */
export const LEVELS = ['none', 'reserve', 'scarce', 'low', 'enough'] as const;
export type Level = (typeof LEVELS)[number];

export interface Room {
  readonly level: Level;
  /** What the log can still take: free on the disk, and inside its file. */
  readonly freeBytes: number;
  /** Below this nothing is taken in: it is kept for deliveries, which save how far they are. */
  readonly reserveBytes: number;
  /** It is that of a database's plan: nothing is refused for it. */
  readonly isDatabase?: true;
}

/** The room on the log's disk, by the last look at it. */
export interface Disk {
  /** Asked for each request. */
  pressure(): Pressure;
  /** Undefined for a log that is not on a disk of this machine. */
  room(): Room | undefined;
}

/** What is looked at of a database: how much it holds, of how much that its plan allows; in bytes. */
export interface DatabaseOptions extends Pick<DiskOptions, 'clock' | 'logger' | 'onLook' | 'reserveBytes'> {
  readonly maxBytes: number;
  readonly databaseBytes: () => Promise<number>;
}

export interface DiskOptions {
  /** The log's. It need not be there yet. */
  readonly folder: string;
  /** Wanted as a reserve; a small disk gives less. */
  readonly reserveBytes: number;
  /** Room inside the log's file, which the disk does not know of. */
  readonly reusableBytes: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly look?: (folder: string) => Promise<Space>;
  /** It is the plan of a database, and looked at once a minute. */
  readonly isDatabase?: true;
  /** Called after each look. */
  readonly onLook?: (room: Room) => void;
}

/** In bytes. */
export interface Space {
  readonly free: number;
  readonly total: number;
}

const EVERY_MS = 1000;
const DATABASE_EVERY_MS = 60_000;
/** A disk that is nearly full is looked at more often: a burst must not fill it between two looks. */
const NEARLY_FULL_MS = 100;
/** Most of a disk that is kept as a reserve. */
const RESERVED_PART = 0.05;
/** Of the reserve, below which nothing at all can be written safely. */
const LAST_PART = 1 / 16;
/** Room inside the file counts only as long as the disk has so much of the reserve: a commit may need some of both. */
const OWN_PART = 1 / 4;
/** A level is left upwards only with so much more, or it would change with every look. */
const SLACK = 1.1;

const PRESSURES: Readonly<Record<Level, Pressure>> = {
  none: 'all',
  reserve: 'all',
  scarce: 'browse',
  low: 'none',
  enough: 'none',
};

/** For a log that is elsewhere. */
export const noDisk: Disk = { pressure: () => 'none', room: () => undefined };

/** A disk that somebody else looks at. */
export const diskOf = (room: () => Room | undefined): Disk => ({
  room,
  pressure: () => PRESSURES[room()?.level ?? 'enough'],
});

/** Looks at the log's disk now and then until the signal aborts. Resolves after the first look. */
export async function watchDisk(options: DiskOptions, stopping: AbortSignal): Promise<Disk> {
  const { folder, clock, logger, look = spaceOf, onLook, isDatabase } = options;
  let room: Room | undefined;
  const glance = async (): Promise<void> => {
    const before = room?.level;
    const seen = await look(folder)
      // The log may have been closed meanwhile, and is not to be asked then.
      .then((space) => (stopping.aborted ? undefined : roomIn(space, options, before)))
      // Whoever cannot be asked has room until a commit says otherwise.
      .catch(() => undefined);
    if (seen === undefined) return;
    // What a database does that is too large is its provider's business.
    room = isDatabase ? { ...seen, level: seen.level === 'enough' ? 'enough' : 'low', isDatabase } : seen;
    if (room.level !== (before ?? 'enough')) tell(logger, room);
    onLook?.(room);
  };
  await glance();
  void (async () => {
    while (!stopping.aborted) {
      const isNear = room !== undefined && room.freeBytes < room.reserveBytes * 8;
      await clock.sleep(isDatabase ? DATABASE_EVERY_MS : isNear ? NEARLY_FULL_MS : EVERY_MS, stopping);
      if (!stopping.aborted) await glance();
    }
  })();
  return diskOf(() => room);
}

/** The same of a database: it is told where it nears the size of its plan. */
export function watchDatabase(options: DatabaseOptions, stopping: AbortSignal): Promise<Disk> {
  const { maxBytes, databaseBytes } = options;
  const look = async (): Promise<Space> => ({ free: maxBytes - (await databaseBytes()), total: maxBytes });
  return watchDisk({ ...options, folder: '', reusableBytes: () => 0, look, isDatabase: true }, stopping);
}

/** Pure: the level, by what is free and by what the level was. */
export function roomIn(
  { free, total }: Space,
  { reserveBytes: wanted, reusableBytes }: Pick<DiskOptions, 'reserveBytes' | 'reusableBytes'>,
  before: Level = 'none',
): Room {
  const reserveBytes = Math.min(wanted, total * RESERVED_PART);
  const freeBytes = free < reserveBytes * OWN_PART ? free : free + reusableBytes();
  const [down, up] = [freeBytes, freeBytes / SLACK].map((bytes) => levelOf(bytes, reserveBytes)) as [Level, Level];
  const was = LEVELS.indexOf(before);
  const level = LEVELS.indexOf(down) < was ? down : LEVELS.indexOf(up) > was ? up : before;
  return { level, freeBytes: Math.round(freeBytes), reserveBytes: Math.round(reserveBytes) };
}

function levelOf(free: number, reserve: number): Level {
  if (free < reserve * LAST_PART) return 'none';
  if (free < reserve) return 'reserve';
  if (free < reserve * 2) return 'scarce';
  return free < reserve * 4 ? 'low' : 'enough';
}

/** What a level means and what to do, for an operator; undefined where there is enough. */
export function detailOf(room: Room | undefined): string | undefined {
  if (room === undefined || room.level === 'enough') return undefined;
  const { level, freeBytes, reserveBytes } = room;
  if (room.isDatabase)
    return `${megabytes(Math.max(0, freeBytes))} of DATABASE_MAX_BYTES are left in the database of the log. Take a larger plan, or lower RETENTION_DAYS or LOG_MAX_BYTES.`;
  const free = `${megabytes(freeBytes)} are free on the disk of the log`;
  const remedy = 'Free some or enlarge the disk; everything goes on by itself then.';
  switch (level) {
    case 'none':
      return `${free}: nothing can be written any more, so events are refused and deliveries wait. ${remedy}`;
    case 'reserve':
      return `${free}, and ${megabytes(reserveBytes)} are kept for deliveries: events are refused. ${remedy}`;
    case 'scarce':
      return `${free}: browse events are refused below ${megabytes(reserveBytes * 2)}, all events below ${megabytes(reserveBytes)}. ${remedy}`;
    case 'low':
      return `${free}: below ${megabytes(reserveBytes * 2)} browse events will be refused. ${remedy}`;
  }
}

function tell(logger: Logger, room: Room): void {
  const { level, freeBytes, reserveBytes } = room;
  const detail = detailOf(room);
  const fields = { room: level, free_bytes: freeBytes, reserve_bytes: reserveBytes, ...(detail && { detail }) };
  const what = room.isDatabase ? 'database' : 'disk';
  if (level === 'enough') logger.info(fields, `the ${what} of the log has room again`);
  else if (level === 'low') logger.warn(fields, `the ${what} of the log fills up`);
  else logger.error(fields, 'the disk of the log is nearly full');
}

const megabytes = (bytes: number): string =>
  bytes < 10 * 1024 ** 2 ? `${(bytes / 1024 ** 2).toFixed(1)} MB` : `${Math.floor(bytes / 1024 ** 2)} MB`;

async function spaceOf(folder: string): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(existing(resolve(folder)));
  return { free: bavail * bsize, total: blocks * bsize };
}

const existing = (folder: string): string =>
  existsSync(folder) || dirname(folder) === folder ? folder : existing(dirname(folder));
