import * as assert from 'uvu/assert';
import { gather } from '../../../../adapters/logs/postgres/gather.ts';
import { describe } from '../../../support/describe.ts';

describe('what is asked for together', ({ it }) => {
  it('is what is asked while an answer is on its way, in its order', async () => {
    const groups: (readonly number[])[] = [];
    const double = gather(3, async (items: readonly number[]) => {
      groups.push(items);
      await new Promise(setImmediate);
      return items.map((item) => item * 2);
    });
    assert.equal(await Promise.all([1, 2, 3, 4].map(double)), [2, 4, 6, 8]);
    assert.is(await double(5), 10);
    assert.equal(groups, [[1, 2, 3], [4], [5]]);
  });

  it('fails together, and what comes later does not', async () => {
    const picky = gather(10, async (items: readonly string[]) => {
      if (items.includes('bad')) throw new Error('no');
      return items;
    });
    const results = await Promise.allSettled(['good', 'bad'].map(picky));
    assert.equal(
      results.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.is(await picky('good'), 'good');
  });
});
