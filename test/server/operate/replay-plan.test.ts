import * as assert from 'uvu/assert';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import { planned } from '../../../server/operate/replay-plan.ts';
import { never, record, SHOP, START, storeOptions } from '../../contracts/log.ts';
import { describe } from '../../support/describe.ts';

const id = { shop: SHOP, pipeline: 'p' };

/** A log of this many events, all of them delivered but each tenth, which is a dead letter. Counts what it is asked. */
async function filled(events: number) {
  const store = openMemory(storeOptions());
  await store.state.cursors.begin(id);
  for (let i = 0; i < events; i += 100)
    await store.log.append(record(Array.from({ length: 100 }, (_, j) => `e-${i + j}`)));
  const [first] = await store.log.read(SHOP, 0, 1, never);
  const cursor = await store.state.cursors.claim(id, never);
  const dead = Array.from({ length: events / 10 }, (_, i) => ({
    position: (i + 1) * 10,
    event: first!.event,
    reason: 'no',
    attempts: 1,
    at: START,
  }));
  const delivered = events - dead.length;
  await cursor.save({ progress: { ...cursor.progress, position: events, delivered, dead: dead.length }, dead });
  const asked: string[] = [];
  const counting = <T extends object>(of: T): T =>
    new Proxy(of, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) => {
          asked.push(String(name));
          return value.apply(target, given);
        };
      },
    });
  const { cursors, deadLetters } = store.state;
  const state = { ...store.state, cursors: counting(cursors), deadLetters: counting(deadLetters) };
  return { store: { ...store, log: counting(store.log), state }, asked };
}

describe('a plan', ({ it }) => {
  it('asks the log a fixed number of questions a page, however many events and dead letters there are', async () => {
    const { store, asked } = await filled(5000);
    const pages = [];
    for await (const page of planned(store, id, { after: 0, to: 5000 }, () => undefined)) pages.push(page);
    const { events, wanted, again } = pages.at(-1)!.plan;
    assert.equal([events, wanted, again], [5000, 5000, 4500]);
    assert.equal(
      pages.map(({ position }) => position),
      [1000, 2000, 3000, 4000, 5000],
    );
    assert.is(asked.length, 1 + 2 * 5, asked.join());
  });

  it('ends when nobody asks for the next page', async () => {
    const { store, asked } = await filled(5000);
    for await (const _ of planned(store, id, { after: 0, to: 5000 }, () => undefined)) break;
    assert.is(asked.filter((name) => name === 'read').length, 1);
  });

  it('counts what it leaves out by reason, and only what the pipeline has delivered as sent again', async () => {
    const { store } = await filled(100);
    await store.log.append(record(['new']));
    const even = ({ event_id }: { event_id: string }) => (event_id.endsWith('0') ? ('type' as const) : undefined);
    for await (const { plan } of planned(store, id, { after: 90, to: 101 }, even))
      assert.equal([plan.from, plan.events, plan.filtered, plan.again], [91, 11, { type: 1 }, 8]);
  });
});
