import * as assert from 'uvu/assert';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import { replayName } from '../../../adapters/logs/state/replays.ts';
import type { ReplayTools } from '../../../server/operate/replay-runner.ts';
import { Replays } from '../../../server/operate/replays.ts';
import { never, SHOP, START, storeOptions } from '../../contracts/log.ts';
import { describe } from '../../support/describe.ts';
import { until } from '../../support/until.ts';

/** A replay that somebody holds, as while it delivers. */
async function stage() {
  const store = openMemory(storeOptions());
  const replay = await store.state.replays.add({ shop: SHOP, pipeline: 'p', after: 0, to: 3, startedAt: START });
  const ref = { shop: SHOP, pipeline: replayName(replay) };
  await store.state.cursors.begin(ref, 0);
  const cursor = await store.state.cursors.claim(ref, never);
  return { ...store, ref, cursor, replays: new Replays({ store } as unknown as ReplayTools) };
}

describe('a replay whose dead letters are tried again', ({ it }) => {
  it('is not cut off in what it sends', async () => {
    const { replays, ref, cursor, state } = await stage();
    assert.ok(await replays.revive(ref));
    assert.not(cursor.wanted.aborted, 'nobody takes it from its holder');
    assert.ok((await state.replays.all())[0]?.revived, 'it looks through its dead letters');
  });

  it('goes on where it is suspended', async () => {
    const { replays, ref, cursor, state } = await stage();
    await cursor.save({ progress: { ...cursor.progress, suspended: { reason: '410', at: START } } });
    const revived = replays.revive(ref);
    await until(() => cursor.wanted.aborted);
    await cursor.release();
    assert.ok(await revived);
    assert.is((await state.cursors.progress(ref))?.suspended, undefined);
  });
});
