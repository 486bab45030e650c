import * as assert from 'uvu/assert';
import { ageing } from '../../../server/base/clock.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';

const HOUR_MS = 3_600_000;

describe('the time by which things grow old', ({ it }) => {
  it('is that of the clock as long as nobody sets it', async () => {
    const clock = new TestClock();
    const age = ageing(clock);
    for (const ms of [0, 1, HOUR_MS, 50 * HOUR_MS]) {
      await clock.advance(ms);
      assert.is(age(), clock.now());
    }
  });

  it('follows a clock that is set forward a day later', async () => {
    const clock = new TestClock();
    const age = ageing(clock);
    const begin = clock.now();
    clock.set(30 * 24 * HOUR_MS);
    assert.is(age(), begin);
    await clock.advance(23 * HOUR_MS);
    assert.is(age(), begin + 23 * HOUR_MS);
    await clock.advance(HOUR_MS);
    assert.is(age(), clock.now());
  });

  it('follows a clock that is set back at once, and one that is set right again after all', async () => {
    const clock = new TestClock();
    const age = ageing(clock);
    clock.set(-HOUR_MS);
    assert.is(age(), clock.now());
    clock.set(HOUR_MS);
    assert.is(age(), clock.now() - HOUR_MS);
    clock.set(-HOUR_MS);
    assert.is(age(), clock.now());
  });

  it('follows a clock that runs a little fast', async () => {
    const clock = new TestClock();
    const age = ageing(clock);
    for (let minute = 0; minute < 100; minute += 1) {
      await clock.advance(60_000);
      clock.set(500);
      assert.is(age(), clock.now());
    }
  });
});
