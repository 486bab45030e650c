import * as assert from 'uvu/assert';
import { withDeadline } from '../../../adapters/logs/deadline.ts';
import { type EventLog, LogUnavailable, type Verdict } from '../../../adapters/logs/log.ts';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
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
  let lining = false;
  let asked = 0;
  const hanging: EventLog = {
    ...well,
    durability: well.durability,
    failure: undefined,
    append: async (one, onJoined) => {
      asked += 1;
      if (!lining) onJoined?.();
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
    /** What comes now waits for its turn and not for the disk. */
    line: (is: boolean) => {
      lining = is;
    },
    goOn: () => {
      for (const resolve of held ?? []) resolve();
      held = undefined;
    },
  };
}

/** A log that never stores, and says by itself when a record has joined. */
function trialOf(join: (onJoined: () => void) => void) {
  const clock = new TestClock();
  const late: boolean[] = [];
  const { log: well } = openMemory(storeOptions());
  const hanging: EventLog = {
    ...well,
    durability: well.durability,
    failure: undefined,
    append: (_one, onJoined = () => {}) => {
      join(onJoined);
      return new Promise(() => {});
    },
  };
  const { steady, sleep } = { steady: () => clock.steady(), sleep: clock.sleep.bind(clock) };
  const log = withDeadline(hanging, { limitMs: LIMIT, now: steady, sleep, onLate: (isLate) => void late.push(isLate) });
  return { log, clock, late };
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

  it('does not take the disk for hung where something only waits for its turn, and ends that wait too', async () => {
    const { log, clock, late, hang, goOn, line } = trial();
    hang();
    line(true);
    const waiting = outcome(log.append(record(['a'])));
    await clock.advance(LIMIT - 1000);
    assert.is(await Promise.race([waiting, 'still waiting']), 'still waiting');
    await clock.advance(1000);
    assert.match(await waiting, /waited too long/);
    assert.is(log.failure, undefined);
    assert.equal(late, []);
    line(false);
    const next = outcome(log.append(record(['b'])));
    goOn();
    assert.is(await next, 'stored');
  });

  it('counts from when a record joins a commit', async () => {
    const joins: (() => void)[] = [];
    const { clock, late, log } = trialOf((joined) => void joins.push(joined));
    const first = outcome(log.append(record(['a'])));
    await clock.advance(LIMIT - 1000);
    joins[0]?.();
    await clock.advance(LIMIT - 1000);
    assert.is(await Promise.race([first, 'still waiting']), 'still waiting');
    assert.equal(late, []);
    await clock.advance(2000);
    assert.match(await first, /has not answered for/);
    assert.equal(late, [true]);
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
