import { closeSync, existsSync, fsyncSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from './describe.ts';
import { temporaryFolder } from './folder.ts';
import { type FileSystem, fileSystems, loopDisk } from './loop-disk.ts';

for (const kind of fileSystems) {
  describe(`a disk of its own: ${kind}`, ({ it: always, skip, after }) => {
    const folder = temporaryFolder();
    after(folder.remove);
    const obstacle = obstacleTo(folder.path, kind);
    const it: typeof always = obstacle === undefined ? always : (promise) => skip(promise, obstacle);

    it('loses what was not synced when its power is cut, and keeps what was', () => {
      const disk = loopDisk(folder.path, kind);
      const [synced, unsynced] = ['synced', 'unsynced'].map((name) => join(disk.path, name)) as [string, string];
      const file = openSync(synced, 'a');
      writeFileSync(file, 'kept');
      fsyncSync(file);
      closeSync(file);
      writeFileSync(unsynced, 'gone');
      disk.cut();
      assert.throws(() => writeFileSync(synced, 'more'), /EIO/);
      disk.remount();
      assert.is(readFileSync(synced, 'utf8'), 'kept');
      assert.is(existsSync(unsynced) ? readFileSync(unsynced, 'utf8') : '', '');
      disk.remove();
      assert.not(existsSync(disk.path));
    });

    it('leaves nothing behind where it cannot be made', () => {
      // No file system fits into so little.
      assert.throws(() => loopDisk(folder.path, kind, 0), /to work/);
      assert.equal(readdirSync(folder.path), []);
    });
  });
}

/** Why no such disk can be made here. It needs root, the right to mount, and xfsprogs or e2fsprogs. */
function obstacleTo(folder: string, kind: FileSystem): string | undefined {
  try {
    loopDisk(folder, kind).remove();
    return undefined;
  } catch (error) {
    return (error as Error).message.trim();
  }
}
