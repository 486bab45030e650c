import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoopDisk } from '../../support/loop-disk.ts';
import type { Gateway } from '../gateway.ts';

/** Throws unless a power cut on this disk takes what was not synced, and nothing else: without that a scenario proves nothing. */
export function proveCut(disk: LoopDisk): void {
  const synced = join(disk.path, 'synced');
  const file = openSync(synced, 'a');
  writeFileSync(file, 'kept');
  fsyncSync(file);
  closeSync(file);
  const gone = witness(disk);
  disk.cut();
  disk.remount();
  const kept = existsSync(synced) && readFileSync(synced, 'utf8') === 'kept';
  if (!kept || !gone())
    throw new Error(`expected a cut to keep what is synced and to take the rest: kept ${kept}, gone ${gone()}`);
}

/**
 * Cuts the power under a gateway that is frozen, so that it does and says nothing between the cut and its end; then the disk is
 * mounted anew. Gives whether what was not synced is gone. The machine's boot id stays the same, unlike after a true power cut:
 * LMDB would trust pages of this boot that were never synced, were it not told otherwise.
 */
export async function cutPower(disk: LoopDisk, gateway: Gateway): Promise<boolean> {
  process.kill(gateway.pid, 'SIGSTOP');
  const gone = witness(disk);
  disk.cut();
  await gateway.kill();
  disk.remount();
  return gone();
}

/** Writes something without syncing it; gives how to see that it is gone. */
function witness({ path }: LoopDisk): () => boolean {
  const file = join(path, `unsynced-${Date.now()}`);
  writeFileSync(file, 'gone');
  return () => !existsSync(file) || readFileSync(file, 'utf8') === '';
}
