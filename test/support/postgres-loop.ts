import { execFileSync } from 'node:child_process';
import { chownSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type FileSystem, loopDisk } from './loop-disk.ts';
import { type Postgres, type PostgresOptions, startIn } from './postgres.ts';
import { postgresHome } from './postgres-home.ts';
import { until } from './until.ts';

/** What was written just before the power failed, and is found after it. */
export interface Proof {
  /** Of the file that was synced: must be true. */
  readonly syncedIsThere: boolean;
  /** Of the file that was not: must be false, else the power has not failed. */
  readonly unsyncedIsThere: boolean;
}

export interface PostgresOnLoopDisk extends Postgres {
  /** The power fails: everything stands still, what is not on the disk is gone, and so are all processes. `start` follows. */
  cutPower(): Promise<Proof>;
  /** The disk gives and takes nothing any more, while PostgreSQL goes on. */
  breakDisk(): void;
  /** Ends what still runs, and mounts the disk anew with what had been synced to it. `start` follows. */
  mendDisk(): Promise<void>;
}

/** A PostgreSQL whose data lie on a disk of their own. Only for root. */
export async function startPostgresOnLoopDisk(
  kind: FileSystem,
  options: PostgresOptions = {},
): Promise<PostgresOnLoopDisk> {
  const home = await postgresHome();
  const folder = home.folder();
  const disk = loopDisk(folder, kind);
  const data = join(disk.path, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (home.account) chownSync(data, home.account.uid, home.account.gid);
  symlinkSync(data, join(folder, 'data'));
  const postgres = await startIn(home, folder, { ...options, release: disk.remove });
  // It was started on a copy that nobody has synced.
  execFileSync('sync', ['-f', disk.path]);
  // Whoever was killed may hold the disk a moment longer.
  const remount = () => until(() => done(disk.remount));
  return {
    ...postgres,
    breakDisk: disk.cut,
    async cutPower() {
      const [synced, unsynced] = [join(data, 'synced'), join(data, 'unsynced')];
      const words = `${performance.now()}`;
      await postgres.killAfter(() => {
        writeTo(synced, words, fsyncSync);
        writeTo(unsynced, words);
        disk.cut();
      });
      await remount();
      return { syncedIsThere: has(synced, words), unsyncedIsThere: has(unsynced, words) };
    },
    async mendDisk() {
      await postgres.kill();
      await remount();
    },
  };
}

function writeTo(path: string, words: string, sync: (file: number) => void = () => {}): void {
  const file = openSync(path, 'w');
  writeSync(file, words);
  sync(file);
  closeSync(file);
}

function has(path: string, words: string): boolean {
  try {
    return readFileSync(path, 'utf8') === words;
  } catch {
    return false;
  }
}

function done(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
