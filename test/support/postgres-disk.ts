import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Postgres, type PostgresOptions, startIn } from './postgres.ts';
import { postgresHome } from './postgres-home.ts';

export interface PostgresOnSmallDisk extends Postgres {
  /**
   * Leaves not one byte. A table that must grow fails with 53100; the write-ahead log ends PostgreSQL with a PANIC, but
   * only when its segment of 16 MB is full, and `start` after `freeDisk` brings it back.
   */
  fillDisk(): void;
  freeDisk(): void;
}

/** A PostgreSQL whose data lie on a disk of their own, of 192 MB, in memory. Ask `canMount` first. */
export async function startPostgresOnSmallDisk(options: PostgresOptions = {}): Promise<PostgresOnSmallDisk> {
  const home = await postgresHome();
  const folder = home.folder();
  const data = join(folder, 'data');
  const { uid, gid } = home.account ?? { uid: process.getuid?.(), gid: process.getgid?.() };
  mkdirSync(data);
  asRoot('mount', '-t', 'tmpfs', '-o', `size=192m,mode=0700,uid=${uid},gid=${gid}`, 'tmpfs', data);
  const ballast = join(data, 'ballast');
  const postgres = await startIn(home, folder, {
    ...options,
    settings: { max_wal_size: '64MB', min_wal_size: '32MB', ...options.settings },
    release: () => asRoot('umount', '-l', data),
  });
  return { ...postgres, fillDisk: () => fill(ballast), freeDisk: () => rmSync(ballast, { force: true }) };
}

/** Mounting is for root, or for whom sudo asks no password, and many containers forbid it even then. */
export function canMount(): boolean {
  try {
    asRoot('unshare', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt');
    return true;
  } catch {
    return false;
  }
}

function asRoot(...command: readonly string[]): void {
  const [program = '', ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command];
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(`${command.join(' ')} should work as root or by sudo without a password and says: ${stderr}`, {
    cause: error,
  });
}

function fill(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) writeUntilFull(file, Buffer.alloc(size));
  } finally {
    closeSync(file);
  }
}

function writeUntilFull(file: number, bytes: Buffer): void {
  try {
    while (writeSync(file, bytes) === bytes.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
