import * as assert from 'uvu/assert';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import type { Cursor, Update } from '../../../adapters/logs/state/cursors.ts';
import { MOST_ALONE, SAVE_WITHIN_MS } from '../../../server/deliver/deferred-cursor.ts';
import { record, storeOptions } from '../../contracts/log.ts';
import { type Answer, all, Bench, claimed, delivered, ID } from '../../support/bench.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';
import { until } from '../../support/until.ts';

/** What is put off runs when told to, and never by itself. */
class HeldClock extends TestClock {
  readonly held = new Set<() => void>();

  override after(ms: number, call: () => void): () => void {
    assert.is(ms, SAVE_WITHIN_MS);
    this.held.add(call);
    return () => this.held.delete(call);
  }

  letGo(): void {
    const calls = [...this.held];
    this.held.clear();
    for (const call of calls) call();
  }
}

/** A pipeline that has sent one event, so that the next ones may go alone; every save is noted, and fails where the test says so. */
async function running(store = openMemory(storeOptions())) {
  const bench = new Bench(store);
  const clock = new HeldClock();
  const cursor = await claimed(bench.store, ID);
  const saves: Update[] = [];
  const faults: Error[] = [];
  const noting: Cursor = {
    get progress() {
      return cursor.progress;
    },
    wanted: cursor.wanted,
    redriven: () => cursor.redriven(),
    save: async (update) => {
      saves.push(update);
      const fault = faults.shift();
      if (fault) throw fault;
      await cursor.save(update);
    },
    release: () => cursor.release(),
  };
  const start = (answer: Answer = delivered) => bench.start(answer, { cursor: noting, clock });
  const send = async (...ids: string[]) => {
    const before = bench.attempts.length;
    await store.log.append(record(ids));
    await until(() => bench.attempts.length > before);
    // Its settling follows in the same turn.
    await new Promise(setImmediate);
  };
  return { bench, clock, saves, faults, send, start, saved: () => store.state.cursors.progress(ID) };
}

describe('progress that is saved later', ({ it }) => {
  it('of events that go out one by one takes one save for many, with one line of the journal', async () => {
    const { bench, clock, saves, send, start, saved } = await running();
    await start();
    await send('a');
    assert.equal(
      saves.map(({ progress: { position, sending, alone } }) => [position, sending, alone]),
      [[0, 1, MOST_ALONE]],
    );
    for (const id of ['b', 'c', 'd']) await send(id);
    assert.is(saves.length, 1);
    clock.letGo();
    await bench.finished(4);
    assert.is(saves.length, 2);
    assert.is((await saved())?.delivered, 4);
    const line = await bench.store.state.journal.lineAt(ID, 3);
    assert.equal([line?.from, line?.to, line?.batches.map(({ first }) => first)], [1, 4, [1, 2, 3, 4]]);
    assert.is((await bench.end()).alone, undefined);
  });

  it('goes with the bounds of a batch of several', async () => {
    const { bench, saves, send, start } = await running();
    await start();
    for (const id of ['a', 'b']) await send(id);
    await send('c', 'd');
    const { progress, journal } = saves[1]!;
    assert.equal([progress.position, progress.sending, journal?.from, journal?.to], [2, 4, 1, 2]);
    await bench.end();
  });

  it('is saved at an orderly stop', async () => {
    const { bench, send, start } = await running();
    await start();
    for (const id of ['a', 'b', 'c']) await send(id);
    const { position, delivered: count, alone } = await bench.end();
    assert.equal([position, count, alone], [3, 3, undefined]);
  });

  it('is saved before more go out alone than would again after a crash', async () => {
    const { bench, saves, send, start } = await running();
    await start();
    for (let i = 0; i <= MOST_ALONE; i++) await send(`e${i}`);
    assert.equal(
      saves.map(({ progress: { position, sending } }) => [position, sending]),
      [
        [0, 1],
        [MOST_ALONE, MOST_ALONE + 1],
      ],
    );
    await bench.end();
  });

  it('that a crash has lost makes the same batches again, whatever came in meanwhile', async () => {
    const { bench, send, start, saved } = await running();
    await start();
    for (const id of ['a', 'b', 'c']) await send(id);
    // What a kill leaves: the state as it is now, on a store of its own.
    const left = (await saved())!;
    assert.equal([left.position, left.sending, left.alone], [0, 1, MOST_ALONE]);
    const again = new Bench();
    await again.store.log.append(record(['a', 'b', 'c', 'd', 'e']));
    const cursor = await claimed(again.store, ID, 0);
    await cursor.save({ progress: left });
    await again.start(delivered, { cursor });
    await again.finished(5);
    assert.equal(again.sent.slice(0, 3), bench.sent);
    await Promise.all([bench.end(), again.end()]);
  });

  it('that cannot be saved ends the loop, which tries once more', async () => {
    const { bench, clock, faults, send, start, saved } = await running();
    await start();
    for (const id of ['a', 'b']) await send(id);
    faults.push(new Error('the disk is away'));
    clock.letGo();
    await bench.ended;
    assert.equal([(await saved())?.position, (await saved())?.alone], [2, undefined]);
  });

  it('says what was being sent at an orderly stop, so that it goes out in the same batch again', async () => {
    const { bench, send, start } = await running();
    await start((batch, attempt) => {
      if (attempt === 1) return delivered(batch);
      bench.stop.abort();
      return all(batch, { kind: 'retry', reason: 'stopped' });
    });
    for (const id of ['a', 'b']) await send(id);
    const { position, sending, alone } = await bench.end();
    assert.equal([position, sending, alone], [1, 2, undefined]);
  });
});
