import * as assert from 'uvu/assert';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import { ENDED_REPLAYS_DAYS, ENDED_REPLAYS_MAX, forgetOld } from '../../../server/operate/history.ts';
import { never, record, SHOP, START, storeOptions } from '../../contracts/log.ts';
import { describe } from '../../support/describe.ts';

const DAY_MS = 24 * 3_600_000;
const id = { shop: SHOP, pipeline: 'p' };
const order = { ...id, after: 0, to: 1, startedAt: START };

describe('the history', ({ it }) => {
  const stage = () => openMemory(storeOptions());
  const ended = async ({ state }: ReturnType<typeof stage>, at: number) => {
    const replay = await state.replays.add(order);
    await state.cursors.begin({ shop: SHOP, pipeline: `p-${replay.id}` }, 0);
    await state.replays.change(replay.id, { kind: 'cancelled', at });
    return replay.id;
  };

  it('keeps the newest of the ended replays, and those that have not ended', async () => {
    const store = stage();
    const { id: open } = await store.state.replays.add(order);
    for (let i = 0; i < ENDED_REPLAYS_MAX + 2; i++) await ended(store, START);
    assert.equal(await forgetOld(store, START), { replays: 2, pipelines: 0 });
    const ids = (await store.state.replays.all()).map((replay) => replay.id);
    assert.equal([ids.length, ids[0], ids[1]], [ENDED_REPLAYS_MAX + 1, open, 'r4']);
    assert.is(await store.state.cursors.progress({ shop: SHOP, pipeline: 'p-r2' }), undefined);
    assert.ok(await store.state.cursors.progress({ shop: SHOP, pipeline: 'p-r4' }));
    assert.equal(await forgetOld(store, START), { replays: 0, pipelines: 0 });
  });

  it('lets go of those that ended long ago, but of none with dead letters that somebody has to decide about', async () => {
    const store = stage();
    await store.log.append(record(['a']));
    const [old, dead] = [await ended(store, START), await ended(store, START)];
    await ended(store, START + DAY_MS);
    const [stored] = await store.log.read(SHOP, 0, 1, never);
    const cursor = await store.state.cursors.claim({ shop: SHOP, pipeline: `p-${dead}` }, never);
    const letter = { position: 1, event: stored!.event, reason: 'no', attempts: 1, at: START };
    await cursor.save({ progress: { ...cursor.progress, position: 1, dead: 1 }, dead: [letter] });
    await cursor.release();
    const now = START + ENDED_REPLAYS_DAYS * DAY_MS + 1;
    assert.is((await forgetOld(store, now)).replays, 1);
    const kept = async () => (await store.state.replays.all()).map((replay) => replay.id);
    assert.equal(await kept(), [dead, 'r3'], old);
    await store.state.deadLetters.discard({ shop: SHOP, pipeline: `p-${dead}` }, [1], START);
    assert.is((await forgetOld(store, now)).replays, 1);
    assert.equal(await kept(), ['r3']);
  });

  it('forgets a pipeline that owes nothing when the last of its events has left the log', async () => {
    const store = stage();
    await store.log.append(record(['a']));
    await store.state.cursors.begin(id);
    await store.state.cursors.settle(id, { kind: 'left', at: START, newest: 1 });
    await store.state.cursors.settle(id, { kind: 'settled' });
    assert.is((await forgetOld(store, START)).pipelines, 0, 'receipts of its events still need it');
    await store.log.trim({ before: new Date(START + 1), passed: () => 1, maxBytes: 1e9 });
    assert.is((await forgetOld(store, START)).pipelines, 1);
    assert.is(await store.state.cursors.progress(id), undefined);
  });
});
