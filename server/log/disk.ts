import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Pressure } from '../overload/pressure.ts';

/** Levels of room on the log's disk, from none to enough. */
export const LEVELS = ['none', 'reserve', 'scarce', 'low', 'enough'] as const;
export type Level = (typeof LEVELS)[number];

export interface Room {
  readonly level: Level;
  /** Room for the log: free on the disk, and reusable inside its file. */
  readonly freeBytes: number;
  /** Below this no events are accepted. The rest is for deliveries, which must save their progress. */
  readonly reserveBytes: number;
  /** Set for the room in a database's plan; events are never refused for it. */
  readonly isDatabase?: true;
}

/** The room on the log's disk, as last measured. */
export interface Disk {
  /** What to refuse. Called for each request. */
  pressure(): Pressure;
  /** Undefined for a log that is not on a disk of this machine. */
  room(): Room | undefined;
}

/** Measures a database against the size of its plan. */
export interface DatabaseOptions extends Pick<DiskOptions, 'clock' | 'logger' | 'onLook' | 'reserveBytes'> {
  readonly maxBytes: number;
  readonly databaseBytes: () => Promise<number>;
}

export interface DiskOptions {
  /** The log's folder. It need not exist yet. */
  readonly folder: string;
  /** Size of the reserve; on a small disk it is less. */
  readonly reserveBytes: number;
  /** Reusable room inside the log's file. */
  readonly reusableBytes: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly look?: (folder: string) => Promise<Space>;
  /** Set for the plan of a database, which is measured once a minute. */
  readonly isDatabase?: true;
  /** Called after each measurement. */
  readonly onLook?: (room: Room) => void;
}

/** In bytes. */
export interface Space {
  readonly free: number;
  readonly total: number;
}

const EVERY_MS = 1000;
const DATABASE_EVERY_MS = 60_000;
/** A nearly full disk is measured more often, so that a burst does not fill it in between. */
const NEARLY_FULL_MS = 100;
/** Largest part of a disk that is kept as a reserve. */
const RESERVED_PART = 0.05;
/** Below this part of the reserve nothing is written. */
const LAST_PART = 1 / 16;
/** Room inside the file counts only if the disk has this part of the reserve: a commit may need some of both. */
const OWN_PART = 1 / 4;
/** A level is left upwards only with this much more room, so that it does not flicker. */
const SLACK = 1.1;

const PRESSURES: Readonly<Record<Level, Pressure>> = {
  none: 'all',
  reserve: 'all',
  scarce: 'browse',
  low: 'none',
  enough: 'none',
};

/** For a log that is not on a disk of this machine. */
export const noDisk: Disk = { pressure: () => 'none', room: () => undefined };

/** A disk whose room is measured elsewhere. */
export const diskOf = (room: () => Room | undefined): Disk => ({
  room,
  pressure: () => PRESSURES[room()?.level ?? 'enough'],
});

/** Measures the log's disk regularly until the signal aborts. Resolves after the first measurement. */
export async function watchDisk(options: DiskOptions, stopping: AbortSignal): Promise<Disk> {
  const { folder, clock, logger, look = spaceOf, onLook, isDatabase } = options;
  let room: Room | undefined;
  const glance = async (): Promise<void> => {
    const before = room?.level;
    const seen = await look(folder)
      // A closed log must not be asked for its reusable room.
      .then((space) => (stopping.aborted ? undefined : roomIn(space, options, before)))
      // If it cannot be measured, assume room until a commit fails.
      .catch(() => undefined);
    if (seen === undefined) return;
    // What happens to a database above its plan is up to its provider: only warn.
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

/** The same for a database: warns as it nears the size of its plan. */
export function watchDatabase(options: DatabaseOptions, stopping: AbortSignal): Promise<Disk> {
  const { maxBytes, databaseBytes } = options;
  const look = async (): Promise<Space> => ({ free: maxBytes - (await databaseBytes()), total: maxBytes });
  return watchDisk({ ...options, folder: '', reusableBytes: () => 0, look, isDatabase: true }, stopping);
}

/** Computes the room from the free space and the level before. Pure. */
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

/** What the level means and what to do, for operators; undefined if there is enough room. */
export function detailOf(room: Room | undefined): string | undefined {
  if (room === undefined || room.level === 'enough') return undefined;
  const { level, freeBytes, reserveBytes } = room;
  if (room.isDatabase)
    return `${megabytes(Math.max(0, freeBytes))} of DATABASE_MAX_BYTES are left in the database of the log. Take a larger plan, or lower RETENTION_DAYS or LOG_MAX_BYTES.`;
  const free = `${megabytes(freeBytes)} are free on the disk of the log`;
  const remedy = 'Free some space or enlarge the disk; then everything goes on by itself.';
  switch (level) {
    case 'none':
      return `${free}: nothing can be written, so events are refused and deliveries wait. ${remedy}`;
    case 'reserve':
      return `${free}, and ${megabytes(reserveBytes)} are reserved for deliveries: events are refused. ${remedy}`;
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
