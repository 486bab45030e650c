import * as assert from 'uvu/assert';
import type { Replay } from '../../adapters/logs/state/replays.ts';
import { type Check, check, never, OTHER, record, SHOP, START, storeOptions } from './log.ts';

const id = { shop: SHOP, pipeline: 'p' };
const order = { ...id, after: 0, to: 5, startedAt: START };
const rule = (since: number) => ({
  since,
  events: [`since-${since}`],
  consent: [],
  whenUnknown: 'filter' as const,
});

/** What every log promises of replays, and of pipelines that are not configured any more. */
export const replayChecks: readonly Check[] = [
  check('keeps replays, from the oldest', async ({ state }) => {
    for (let i = 0; i < 11; i++) await state.replays.add(order);
    assert.equal(
      (await state.replays.all()).map((replay) => replay.id),
      Array.from({ length: 11 }, (_, i) => `r${i + 1}`),
    );
    assert.equal((await state.replays.all())[0], { id: 'r1', ...order });
  }),
  check('gives replays that are ordered at once an id each', async ({ state }) => {
    const added = await Promise.all(Array.from({ length: 20 }, (_, to) => state.replays.add({ ...order, to })));
    assert.is(new Set(added.map((replay) => replay.id)).size, 20);
    assert.is((await state.replays.all()).length, 20);
  }),
  check('ends a replay once, however many end it at the same moment', async ({ state }) => {
    for (let i = 0; i < 5; i++) {
      const { id: replay } = await state.replays.add(order);
      const done = () => state.replays.change(replay, { kind: 'done', at: START, revived: undefined });
      const cancel = () => state.replays.change(replay, { kind: 'cancelled', at: START });
      const said = await Promise.all([cancel(), done(), cancel(), done()]);
      const kept = (await state.replays.all()).at(-1);
      assert.is(new Set([...said, kept].map((one) => one?.ended)).size, 1);
      assert.is(kept?.endedAt, START);
    }
    assert.is(await state.replays.change('r99', { kind: 'cancelled', at: START }), undefined);
  }),
  check('does not forget that dead letters of a replay are to be tried once more', async ({ state }) => {
    const { id: replay } = await state.replays.add(order);
    const done = (revived: Replay['revived']) => state.replays.change(replay, { kind: 'done', at: START, revived });
    await state.replays.change(replay, { kind: 'revived' });
    assert.is((await done(undefined))?.ended, undefined, 'it was revived before it was through');
    const first = (await state.replays.all())[0]?.revived;
    assert.equal([(await done(first))?.ended, (await state.replays.all())[0]?.revived], ['done', undefined]);
    const again = await state.replays.change(replay, { kind: 'revived' });
    await state.replays.change(replay, { kind: 'revived' });
    assert.ok((await done(again?.revived))?.revived, 'it was revived once more meanwhile');
  }),
  check('lets go of ended replays, and uses no id twice', async ({ state }) => {
    for (let i = 0; i < 3; i++) await state.replays.add(order);
    for (const one of ['r1', 'r3']) await state.replays.change(one, { kind: 'cancelled', at: START });
    for (const one of ['r1', 'r2', 'r3']) await state.replays.remove(one);
    assert.equal(
      (await state.replays.all()).map((replay) => replay.id),
      ['r2', 'r3'],
    );
    assert.is((await state.replays.add(order)).id, 'r4');
  }),
  check('knows every pipeline that ever began, and whether it is moved', async ({ state }) => {
    for (const pipeline of ['q', 'p']) await state.cursors.begin({ shop: SHOP, pipeline });
    await state.cursors.begin({ shop: OTHER, pipeline: 'p' }, 3);
    await state.cursors.claim(id, never);
    const all = await state.cursors.everyStanding();
    assert.equal(
      all.map((one) => [one.id.shop, one.id.pipeline, one.moved, one.progress.position]),
      [
        [SHOP, 'p', true, 0],
        [SHOP, 'q', false, 0],
        [OTHER, 'p', false, 3],
      ],
    );
  }),
  check('names the dead letters of a stretch that were not delivered', async ({ log, state }) => {
    await state.cursors.begin(id);
    await log.append(record(['a', 'b', 'c', 'd', 'e']));
    const cursor = await state.cursors.claim(id, never);
    const letters = (await log.read(SHOP, 0, 10, never)).map(({ position, event }) => ({
      position,
      event,
      reason: 'no',
      attempts: 1,
      at: START,
      ...(position === 2 && { ended: { kind: 'delivered' as const, at: START, attempts: 2, status: 'HTTP 200' } }),
    }));
    await cursor.save({ progress: { ...cursor.progress, position: 5, dead: 5 }, dead: letters });
    await state.deadLetters.discard(id, [3], START);
    assert.equal(await state.deadLetters.undelivered(id, 1, 4), [3, 4]);
    assert.equal(await state.deadLetters.undelivered({ ...id, shop: OTHER }, 0, 5), []);
  }),
  check('says what a pipeline owes that left, and lets it be as before when it is back', async ({ log, state }) => {
    assert.is(await state.cursors.settle(id, { kind: 'left', at: START, newest: 3 }), undefined);
    await state.cursors.begin(id);
    await log.append(record(['a', 'b', 'c']));
    assert.equal((await state.cursors.settle(id, { kind: 'left', at: START, newest: 3 }))?.left, {
      at: START,
      newest: 3,
    });
    await log.append(record(['d']));
    await state.cursors.settle(id, { kind: 'left', at: START + 1, newest: 4 });
    assert.equal((await state.cursors.progress(id))?.left, { at: START, newest: 3 }, 'it left once');
    await state.cursors.settle(id, { kind: 'gone', oldest: 2 });
    const { left, position, dropped } = (await state.cursors.settle(id, { kind: 'back', newest: 4 })) ?? {};
    assert.equal([left, position, dropped], [undefined, 1, { retention: 1 }]);
  }),
  check('counts what is discarded of a pipeline that left, and says so of every event', async ({ log, state }) => {
    await state.cursors.begin(id);
    await log.append(record(['a', 'b', 'c']));
    await state.cursors.settle(id, { kind: 'discarded', at: START });
    assert.is((await state.cursors.progress(id))?.position, 0, 'it is not configured no more than before');
    await state.cursors.settle(id, { kind: 'left', at: START, newest: 3 });
    await log.append(record(['d', 'e']));
    const { position, dropped, left } = (await state.cursors.settle(id, { kind: 'discarded', at: START + 5 })) ?? {};
    assert.equal([position, dropped, left?.settled], [3, { discarded: 3 }, 'discarded']);
    assert.is((await state.journal.lineAt(id, 2))?.discardedAt, START + 5);
    assert.is(await state.journal.lineAt(id, 4), undefined);
    const back = await state.cursors.settle(id, { kind: 'back', newest: 5 });
    assert.equal([back?.position, back?.dropped], [5, { discarded: 5 }], 'it begins as a new one would');
  }),
  check('settles only what is finished, and takes it from whoever moves it', async ({ log, state }) => {
    await state.cursors.begin(id);
    await log.append(record(['a']));
    await state.cursors.settle(id, { kind: 'left', at: START, newest: 1 });
    assert.is((await state.cursors.settle(id, { kind: 'settled' }))?.left?.settled, undefined);
    const holder = await state.cursors.claim(id, never);
    await holder.save({ progress: { ...holder.progress, position: 1, delivered: 1 } });
    const settling = state.cursors.settle(id, { kind: 'settled' });
    holder.wanted.addEventListener('abort', () => void holder.release());
    assert.is((await settling)?.left?.settled, 'finished');
  }),
  check('forgets a pipeline with all that is about it, and none that has dead letters', async ({ log, state }) => {
    await state.cursors.begin(id);
    await state.cursors.begin({ ...id, pipeline: 'q' });
    await log.append(record(['a']));
    const [event] = await log.read(SHOP, 0, 1, never);
    const holder = await state.cursors.claim(id, never);
    const letter = { position: 1, event: event!.event, reason: 'no', attempts: 1, at: START };
    const journal = { from: 1, to: 1, lanes: 1, batches: [] };
    await holder.save({ progress: { ...holder.progress, position: 1, dead: 1 }, journal, dead: [letter] });
    await state.journal.saveRule(id, rule(0));
    await state.deadLetters.discard({ ...id, pipeline: 'q' }, [1], START);
    assert.is(await state.cursors.forget(id), false, 'somebody moves it');
    await holder.release();
    assert.is(await state.cursors.forget(id), false, 'it has an open dead letter');
    await state.deadLetters.discard(id, [1], START);
    assert.is(await state.cursors.forget(id), true);
    assert.is(await state.cursors.forget(id), false, 'it is gone');
    assert.equal(
      [
        await state.cursors.progress(id),
        await state.deadLetters.at(id, 1),
        await state.journal.lineAt(id, 1),
        await state.journal.ruleAt(id, 9),
      ],
      [undefined, undefined, undefined, undefined],
    );
    assert.equal(
      (await state.cursors.everyStanding()).map((one) => one.id.pipeline),
      ['q'],
    );
  }),
  {
    promise: 'keeps the rules that events on the log need, and no others',
    run: async (harness) => {
      if (!harness.durable) return;
      const { log, state, close } = await harness.open(storeOptions());
      try {
        await state.cursors.begin(id);
        for (const since of [0, 1, 2, 3]) await state.journal.saveRule(id, rule(since));
        await state.cursors.begin({ ...id, pipeline: 'q' });
        await state.journal.saveRule({ ...id, pipeline: 'q' }, rule(0));
        await log.append(record(['a', 'b'], { at: START - 10 * 24 * 3_600_000 }));
        await log.append(record(['c', 'd']));
        await log.trim({ before: new Date(START), passed: () => 10, maxBytes: 1e9 });
        const since = async (position: number) => (await state.journal.ruleAt(id, position))?.since;
        const { oldest } = await log.extent(SHOP);
        assert.is(oldest, 3);
        assert.equal([await since(2), await since(3), await since(9)], [undefined, 3, 3]);
        assert.is((await state.journal.ruleAt({ ...id, pipeline: 'q' }, 3))?.since, 0);
      } finally {
        await close();
      }
    },
  },
];
