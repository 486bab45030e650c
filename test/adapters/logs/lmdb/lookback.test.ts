import * as assert from 'uvu/assert';
import { LookBacks } from '../../../../adapters/logs/lmdb/lookback.ts';
import { describe } from '../../../support/describe.ts';

/** Lines whose turns are taken by hand. */
function trial() {
  const turns: (() => void)[] = [];
  const lookBacks = new LookBacks((turn) => turns.push(turn));
  let reads = 0;
  return {
    ask: (shop: string, count: number): 'now' | 'later' => {
      const turn = lookBacks.ask(shop, count);
      if (turn === undefined) reads += count;
      else void turn.then(() => (reads += count));
      return turn === undefined ? 'now' : 'later';
    },
    /** What was read since the last turn. */
    turn: async (): Promise<number> => {
      await Promise.resolve();
      const before = reads;
      reads = 0;
      turns.shift()?.();
      await Promise.resolve();
      return before;
    },
    pending: () => turns.length,
  };
}

describe('looking back', ({ it }) => {
  it('gives a shop at once what it needs, and each further request its turn', async () => {
    const { ask, turn } = trial();
    assert.equal([ask('a', 100), ask('a', 100), ask('a', 100), ask('b', 100)], ['now', 'now', 'later', 'now']);
    assert.equal([await turn(), await turn(), await turn()], [300, 100, 0]);
  });

  it('lets a shop read no more in many turns than its share of each', async () => {
    const { ask, turn } = trial();
    for (let n = 0; n < 200; n++) ask('a', 100);
    let reads = 0;
    let turns = 0;
    for (; reads < 20_000 && turns < 1000; turns++) {
      const read = await turn();
      assert.ok(read <= 228, `${read} in one turn`);
      reads += read;
    }
    assert.is(reads, 20_000);
    assert.ok(turns >= 150, `${turns} turns`);
  });

  it('asks for no turns where nobody looks back', async () => {
    const { ask, turn, pending } = trial();
    ask('a', 3);
    for (let n = 0; n < 3; n++) await turn();
    assert.is(pending(), 0);
  });
});
