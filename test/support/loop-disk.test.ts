import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from './describe.ts';
import { temporaryFolder } from './folder.ts';
import { fileSystems, loopDisk } from './loop-disk.ts';

describe('a disk of its own', ({ it }) => {
  for (const kind of fileSystems) {
    it(`loses what was not synced when its power is cut, and keeps what was: ${kind}`, () => {
      const folder = temporaryFolder();
      const disk = mounted(folder.path, kind);
      if (disk === undefined) return folder.remove();
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
      folder.remove();
    });
  }
});

/** Not everybody may mount. The scenarios that need it count as not run there. */
function mounted(folder: string, kind: (typeof fileSystems)[number]) {
  try {
    return loopDisk(folder, kind);
  } catch (error) {
    console.log(`not tested: ${error}`);
    return undefined;
  }
}
