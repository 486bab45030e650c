import * as assert from 'uvu/assert';
import { READ_BYTES } from '../../adapters/logs/log.ts';
import type { DeadLetter } from '../../adapters/logs/state/dead-letters.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import type { Store, StoreOptions } from '../../adapters/logs/store.ts';
import { type Check, never, record, SHOP, START, storeOptions } from './log.ts';

const ID: PipelineId = { shop: SHOP, pipeline: 'p' };
const DAY_MS = 24 * 3_600_000;

/** A store with one event for each letter, all of them dead: the first died first. */
async function buried({ log, state }: Store, letters: readonly Partial<DeadLetter>[]): Promise<void> {
  await state.cursors.begin(ID, 0);
  for (let i = 0; i < letters.length; i += 100)
    await log.append(record(letters.slice(i, i + 100).map((_, n) => `e${i + n}`)));
  const stored = await log.read(SHOP, 0, letters.length, never);
  const dead = stored.map(
    ({ position, event }, i): DeadLetter => ({
      position,
      event,
      reason: 'HTTP 422',
      attempts: 1,
      at: START,
      ...letters[i],
    }),
  );
  const cursor = await state.cursors.claim(ID, never);
  await cursor.save({ progress: { ...cursor.progress, position: stored.length, dead: dead.length }, dead });
  await cursor.release();
}

const positions = async ({ state }: Store): Promise<number[]> =>
  (await state.deadLetters.open(ID, { limit: 1000 })).map(({ position }) => position);

const check = (promise: string, overrides: Partial<StoreOptions>, run: (store: Store) => Promise<void>): Check => ({
  promise,
  run: async (harness) => {
    const store = await harness.open(storeOptions(overrides));
    try {
      await run(store);
    } finally {
      await store.close();
    }
  },
});

/** What every log promises of the limits of dead letters. */
export const letterChecks: readonly Check[] = [
  check(
    'keeps as many dead letters of a pipeline as it is told, and counts those that go',
    { deadLettersMax: 3 },
    async (store) => {
      const { state } = store;
      await buried(store, [{}, { redrive: true }, {}, {}, {}]);
      await state.deadLetters.limit([ID, { shop: SHOP, pipeline: 'unknown' }]);
      assert.equal(await positions(store), [2, 3, 4, 5], 'the marked one stays');
      assert.equal(await state.deadLetters.letGo([{ shop: SHOP, pipeline: 'unknown' }, ID]), [
        { count: 0, age: 0 },
        { count: 1, age: 0 },
      ]);
      const gone = await state.deadLetters.at(ID, 1);
      assert.equal([gone?.ended?.kind, gone?.reason, gone?.event.event_id], ['count', 'HTTP 422', 'e0']);
      assert.is((await state.cursors.progress(ID))?.dead, 5, 'the books of the pipeline do not change');
      await state.deadLetters.limit([ID]);
      await state.deadLetters.redrive(ID, [1]);
      assert.equal(
        (await state.deadLetters.marked(ID, { limit: 10 })).map(({ position }) => position),
        [2],
        'what has gone is not tried again',
      );
    },
  ),
  check('goes on counting dead letters that come and end', { deadLettersMax: 2 }, async (store) => {
    const { state } = store;
    await buried(store, [{}, {}, {}]);
    await state.deadLetters.limit([ID]);
    assert.equal(await positions(store), [2, 3]);
    await state.deadLetters.discard(ID, [2], START);
    await state.deadLetters.limit([ID]);
    assert.equal(await positions(store), [3]);
    const cursor = await state.cursors.claim(ID, never);
    const letter = await state.deadLetters.at(ID, 3);
    const more = [4, 5].map((position) => ({ ...(letter as DeadLetter), position }));
    await cursor.save({ progress: cursor.progress, dead: more });
    await cursor.release();
    await state.deadLetters.limit([ID]);
    assert.equal(await positions(store), [4, 5]);
    assert.equal(await state.deadLetters.letGo([ID]), [{ count: 2, age: 0 }]);
  }),
  check(
    'lets go of dead letters that died too long ago, wherever they stand',
    { deadLetterMs: DAY_MS, now: () => START + DAY_MS },
    async (store) => {
      await buried(store, [{}, { at: START - 1 }, {}, { at: START - 1, redrive: true }]);
      await store.state.deadLetters.limit([ID]);
      assert.equal(await positions(store), [1, 3, 4]);
      assert.equal(await store.state.deadLetters.letGo([ID]), [{ count: 0, age: 1 }]);
      assert.is((await store.state.deadLetters.at(ID, 2))?.ended?.kind, 'age');
    },
  ),
  check(
    'lets go of a bounded number of dead letters a call, and of the rest in the next',
    { deadLettersMax: 10 },
    async (store) => {
      await buried(
        store,
        Array.from({ length: 1200 }, () => ({})),
      );
      await store.state.deadLetters.limit([ID]);
      assert.is((await store.state.deadLetters.letGo([ID]))[0]?.count, 1000);
      await store.state.deadLetters.limit([ID]);
      assert.is((await store.state.deadLetters.letGo([ID]))[0]?.count, 1190);
      assert.is((await positions(store)).length, 10);
    },
  ),
  {
    promise: 'knows after it was opened again how many dead letters are open, and how many have gone',
    run: async (harness) => {
      if (!harness.durable) return;
      const first = await harness.open(storeOptions({ deadLettersMax: 3 }));
      await buried(first, [{}, {}, {}, {}]);
      await first.state.deadLetters.limit([ID]);
      await first.close();
      const second = await harness.open(storeOptions({ deadLettersMax: 2 }), true);
      try {
        await second.state.deadLetters.limit([ID]);
        assert.equal(await positions(second), [3, 4]);
        assert.equal(await second.state.deadLetters.letGo([ID]), [{ count: 2, age: 0 }]);
      } finally {
        await second.close();
      }
    },
  },
  check('gives those that are marked up to their bytes, as it gives all that are open', {}, async (store) => {
    const { state } = store;
    const reason = 'x'.repeat(128 * 1024);
    await buried(store, [...Array.from({ length: 20 }, () => ({ reason, redrive: true })), { redrive: true }]);
    for (const page of [
      await state.deadLetters.marked(ID, { limit: 100 }),
      await state.deadLetters.open(ID, { limit: 100 }),
    ]) {
      const bytes = JSON.stringify(page).length;
      assert.ok(bytes >= READ_BYTES && bytes < READ_BYTES + 2 * reason.length, `${bytes} bytes`);
    }
    const last = await state.deadLetters.marked(ID, { limit: 100, after: '20' });
    assert.equal(
      last.map(({ position }) => position),
      [21],
    );
  }),
  check('ends dead letters whose events have a zero byte', { deadLettersMax: 1 }, async (store) => {
    const { state } = store;
    const reason = 'HTTP 422: a \u0000 zero';
    await buried(store, [{ reason }, { reason }, { reason }]);
    await state.deadLetters.discard(ID, [2], START + 5);
    const letter = await state.deadLetters.at(ID, 2);
    assert.equal([letter?.reason, letter?.ended?.kind, letter?.ended?.at], [reason, 'discarded', START + 5]);
    await state.deadLetters.limit([ID]);
    assert.equal(await positions(store), [3]);
    assert.equal(await state.deadLetters.undelivered(ID, 0, 3), [1, 2, 3]);
  }),
];
