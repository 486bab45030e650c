import { type FileSystem, type LoopDisk, loopDisk } from '../../support/loop-disk.ts';
import { canTrace } from '../../support/strace.ts';
import { NotRun, needPrograms, needRoot } from '../not-run.ts';

/** A disk of its own for a scenario, or NotRun where there can be none. */
export function ownDisk(folder: string, kind: FileSystem): LoopDisk {
  needRoot('mount a disk');
  needPrograms({ xfs_io: 'xfsprogs', 'mkfs.xfs': 'xfsprogs', 'mkfs.ext4': 'e2fsprogs', mount: 'mount' });
  try {
    return loopDisk(folder, kind);
  } catch (error) {
    throw new NotRun(`no disk can be mounted here: ${error instanceof Error ? error.message : error}`);
  }
}

/** Throws NotRun where system calls cannot be made to fail. */
export function needTrace(): void {
  needPrograms({ strace: 'strace' });
  if (!canTrace()) throw new NotRun('strace may not trace here');
}
