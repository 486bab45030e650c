import * as assert from 'uvu/assert';
import { waitAfter } from '../../../server/deliver/retry.ts';
import { describe } from '../../support/describe.ts';

describe('the wait before another attempt', ({ it }) => {
  it('doubles from 1 s to 30 s', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 100, 2000].map((attempts) => waitAfter(attempts, undefined, () => 0));
    assert.equal(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
  });
  it('is shortened by up to a half', () => {
    assert.is(
      waitAfter(6, undefined, () => 0.5),
      22_500,
    );
    assert.is(
      waitAfter(1, undefined, () => 0.999),
      1_000,
    );
  });
  it('is what the destination asks, between 1 s and 24 h', () => {
    assert.equal(
      [0, 5_000, 1e12].map((asked) => waitAfter(3, asked, () => 0)),
      [1_000, 5_000, 86_400_000],
    );
  });
});
