import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const fileSystems = ['ext4', 'xfs'] as const;
export type FileSystem = (typeof fileSystems)[number];

/** A disk of its own, so that its power can be cut. */
export interface LoopDisk {
  /** Where it is mounted. */
  readonly path: string;
  /**
   * The power goes: what was not synced is gone, and every call on the disk fails until it is mounted anew. Processes that use it
   * live on and see EIO, unless they were stopped before.
   */
  cut(): void;
  /** Mounts what a cut has left, as the next boot does. Nobody may use it meanwhile. */
  remount(): void;
  remove(): void;
}

/**
 * Makes a disk in a file of this folder and mounts it there. Throws, and leaves nothing behind, where this process may not mount or a
 * program is missing. The caller removes the disk; a forgotten one is unmounted when this process exits.
 */
export function loopDisk(folder: string, kind: FileSystem, megabytes = 600): LoopDisk {
  const [image, path] = [join(folder, 'disk.img'), join(folder, 'disk')];
  writeFileSync(image, '');
  truncateSync(image, megabytes * 1024 * 1024);
  mkdirSync(path);
  // The same file system may still be mounted elsewhere, by a process that was started in a namespace of its own meanwhile.
  const options = kind === 'xfs' ? 'loop,nouuid' : 'loop';
  const mount = () => run('mount', '-t', kind, '-o', options, image, path);
  // Lazily, since a process that failed may still have files open there.
  const release = () => void spawnSync('umount', ['-l', path]);
  const remove = () => {
    process.removeListener('exit', release);
    release();
    rmSync(path, { recursive: true });
    rmSync(image);
  };
  process.once('exit', release);
  try {
    // Cuts the power later, of ext4 too.
    run('xfs_io', '-V');
    run(`mkfs.${kind}`, '-q', image);
    mount();
  } catch (error) {
    remove();
    throw error;
  }
  return {
    path,
    cut: () => run('xfs_io', '-x', '-c', 'shutdown', path),
    remount() {
      run('umount', path);
      // A file of its own, or it would be the dead file system again where that is still mounted elsewhere.
      run('cp', '--sparse=always', image, `${image}.next`);
      renameSync(`${image}.next`, image);
      mount();
    },
    remove,
  };
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`expected ${[program, ...args].join(' ')} to work: ${error ?? stderr}`);
}
