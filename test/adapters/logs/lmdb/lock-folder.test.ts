import { existsSync, mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { lockFolder } from '../../../../adapters/logs/lmdb/lock-folder.ts';
import { describe } from '../../../support/describe.ts';
import { temporaryFolder } from '../../../support/folder.ts';

describe('the owner of a folder', ({ it, after }) => {
  const home = temporaryFolder();
  after(() => home.remove());
  const fresh = (name: string): string => {
    const folder = join(home.path, name);
    mkdirSync(folder);
    return folder;
  };

  it('is the only one, also where many come at the same moment', async () => {
    const folder = fresh('many');
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(folder)));
    const owners = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    assert.is(owners.length, 1);
    for (const one of all)
      if (one.status === 'rejected')
        assert.match(one.reason.message, /is in use by another process; stop that one first/);
    await owners[0]?.release();
    await (await lockFolder(folder)).release();
  });

  it('does not wait for one that died while it took the folder', async () => {
    const folder = fresh('died');
    const taking = join(folder, 'owner.taking');
    for (const time of [new Date(0), new Date(Date.now() + 3_600_000)]) {
      mkdirSync(taking);
      utimesSync(taking, time, time);
      await (await lockFolder(folder)).release();
      assert.is(existsSync(taking), false);
    }
  });
});
