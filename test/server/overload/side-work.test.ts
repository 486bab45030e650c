import { setImmediate as nextTurn } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { createSideWork } from '../../../server/overload/side-work.ts';
import { describe } from '../../support/describe.ts';

/** Work whose ends are told. */
function works() {
  const side = createSideWork();
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const run = (shop: string, name: string) =>
    side.run(shop, () => {
      started.push(name);
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await nextTurn();
  };
  return { side, started, run, end };
}

describe('work beside the event loop', ({ it }) => {
  it('is done one at a time for a shop, and two in all; shops take turns', async () => {
    const { side, started, run, end } = works();
    const all = ['a1', 'a2', 'a3', 'b1', 'c1'].map((name) => run(name.slice(0, 1), name));
    await nextTurn();
    assert.equal(started, ['a1', 'b1']);
    assert.is(side.waiting('a'), 2);
    await end('a1');
    assert.equal(started, ['a1', 'b1', 'c1']);
    await end('b1');
    assert.equal(started, ['a1', 'b1', 'c1', 'a2']);
    for (const name of ['c1', 'a2', 'a3']) await end(name);
    assert.equal(await Promise.all(all), ['a1', 'a2', 'a3', 'b1', 'c1']);
    assert.is(side.waiting('a'), 0);
  });

  it('goes on behind work that fails', async () => {
    const { side, started, run } = works();
    const failing = side.run('a', () => Promise.reject(new Error('broken')));
    void run('a', 'a2');
    await failing.then(assert.unreachable, (error: Error) => assert.is(error.message, 'broken'));
    await nextTurn();
    assert.equal(started, ['a2']);
  });
});
