import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { longestGap, mostIn10s } from './moments.ts';

describe('moments', ({ it }) => {
  it('counts the busiest ten seconds, with one of their ends', () => {
    assert.is(mostIn10s([]), 0);
    assert.is(mostIn10s([0, 5_000, 9_999, 10_000, 30_000]), 3);
  });

  it('finds the longest gap, that after the last moment too', () => {
    assert.is(longestGap([4_000, 1_000, 2_000], 5_000), 2);
    assert.is(longestGap([1_000, 2_000], 9_000), 7);
    assert.is(longestGap([], 9_000), Number.POSITIVE_INFINITY);
  });
});
