import * as assert from 'uvu/assert';
import { withDeadline } from '../../../adapters/logs/deadline.ts';
import { type EventLog, LogUnavailable, type Verdict } from '../../../adapters/logs/log.ts';
import { openMemory } from '../../../adapters/logs/memory.ts';
import { record, storeOptions } from '../../contracts/log.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';

const LIMIT = 10_000;

/** A log whose appends wait while it hangs. */
function trial() {
  const clock = new TestClock();
  const late: boolean[] = [];
  const { log: well } = openMemory(storeOptions());
  let held: (() => void)[] | undefined;
  let asked = 0;
  const hanging: EventLog = {
    ...well,
    durability: well.durability,
    failure: undefined,
    append: async (one) => {
      asked += 1;
      const waiting = held;
      if (waiting) await new Promise<void>((resolve) => waiting.push(resolve));
      return well.append(one);
    },
  };
  const { steady, sleep } = { steady: () => clock.steady(), sleep: clock.sleep.bind(clock) };
  const log = withDeadline(hanging, { limitMs: LIMIT, now: steady, sleep, onLate: (isLate) => void late.push(isLate) });
  return {
    log,
    clock,
    late,
    asked: () => asked,
    hang: () => {
      held = [];
    },
    goOn: () => {
      for (const resolve of held ?? []) resolve();
      held = undefined;
    },
  };
}

const outcome = (append: Promise<Verdict[]>): Promise<string> =>
  append.then(
    ([verdict]) => verdict?.kind ?? 'nothing',
    (error: unknown) => (error instanceof LogUnavailable ? error.message : 'another error'),
  );

describe('a log with a deadline', ({ it }) => {
  it('passes on what it stores in time', async () => {
    const { log } = trial();
    assert.is(await outcome(log.append(record(['a']))), 'stored');
    assert.is(await outcome(log.append(record(['a']))), 'duplicate');
    assert.is(log.failure, undefined);
  });

  it('gives each append up when its time is over, and says so', async () => {
    const { log, clock, late, hang } = trial();
    hang();
    const first = outcome(log.append(record(['a'])));
    await clock.advance(5000);
    const second = outcome(log.append(record(['b'])));
    assert.is(log.failure, undefined);
    await clock.advance(5000);
    assert.match(await first, /has not answered for 10 s/);
    assert.match(log.failure?.message ?? '', /has not answered/);
    assert.is(await Promise.race([second, 'still waiting']), 'still waiting');
    await clock.advance(5000);
    assert.match(await second, /has not answered/);
    assert.equal(late, [true]);
  });

  it('refuses further ones at once as long as one is late, without asking the log', async () => {
    const { log, clock, asked, hang } = trial();
    hang();
    void outcome(log.append(record(['a'])));
    await clock.advance(LIMIT);
    const before = asked();
    for (let n = 0; n < 100; n++) assert.match(await outcome(log.append(record([`n${n}`]))), /has not answered/);
    assert.is(asked(), before);
  });

  it('goes on when the log does; what came late is stored, and a duplicate when it comes again', async () => {
    const { log, clock, late, hang, goOn } = trial();
    hang();
    void outcome(log.append(record(['a'])));
    await clock.advance(LIMIT * 3);
    goOn();
    await clock.advance(LIMIT);
    assert.is(log.failure, undefined);
    assert.equal(late, [true, false]);
    assert.is(await outcome(log.append(record(['a']))), 'duplicate');
    assert.is(await outcome(log.append(record(['b']))), 'stored');
  });
});
