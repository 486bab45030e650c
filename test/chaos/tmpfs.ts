import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { NotRun, needRoot } from './not-run.ts';

const CHUNK = Buffer.alloc(64 * 1024);

/** A disk of a few megabytes that can be filled to any level, and made larger or smaller. */
export interface SmallDisk {
  readonly path: string;
  /** Leaves this many bytes free, 0 is the last byte; by a file of its own, which grows and shrinks. */
  leave(bytes: number): void;
  resize(megabytes: number): void;
  remove(): void;
}

/** Throws NotRun where nothing can be mounted. */
export function smallDisk(path: string, megabytes: number): SmallDisk {
  needRoot('mount a tmpfs');
  mkdirSync(path);
  mount(['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]);
  const release = () => void spawnSync('umount', ['-l', path]);
  // However the scenario ends.
  process.once('exit', release);
  const ballast = join(path, 'ballast');
  const free = (): number => {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  };
  return {
    path,
    leave(bytes) {
      const size = existsSync(ballast) ? statSync(ballast).size : 0;
      const more = free() - bytes;
      if (more < 0) truncateSync(ballast, Math.max(0, Math.round(size + more)));
      else if (bytes === 0) fill(ballast, Number.POSITIVE_INFINITY);
      else fill(ballast, more);
    },
    resize: (size) => mount(['-o', `remount,size=${size}m`, path]),
    remove() {
      process.removeListener('exit', release);
      rmSync(ballast, { force: true });
      release();
    },
  };
}

/** Adds this many bytes to a file, or as many as the disk takes. */
function fill(path: string, bytes: number): void {
  const file = openSync(path, 'a');
  try {
    for (let left = Math.round(bytes); left > 0; ) left -= writeSync(file, CHUNK, 0, Math.min(left, CHUNK.length));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

function mount(options: readonly string[]): void {
  const { status, stderr } = spawnSync('mount', options, { encoding: 'utf8' });
  if (status !== 0) throw new NotRun(`mount ${options.join(' ')}: ${stderr.trim()}`);
}
