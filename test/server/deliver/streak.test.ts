import * as assert from 'uvu/assert';
import { standingOf, stateOf } from '../../../server/deliver/standing.ts';
import { Streak } from '../../../server/deliver/streak.ts';
import { record, START } from '../../contracts/log.ts';
import { all, Bench, delivered, ID } from '../../support/bench.ts';
import { describe } from '../../support/describe.ts';

const down = (batch: Parameters<typeof all>[0]) => all(batch, { kind: 'retry', reason: 'HTTP 503' });
const refusing = (batch: Parameters<typeof all>[0]) => all(batch, { kind: 'rejected', reason: 'HTTP 422' });

describe('how the attempts of a pipeline go', ({ it }) => {
  it('is saved at each that settles nothing: since when, how often, why, and when the next is', async () => {
    const bench = new Bench();
    await bench.start(down);
    await bench.store.log.append(record(['a']));
    const since = bench.clock.now();
    await bench.clock.advance(10_000);
    // After 0, 1, 3 and 7 seconds.
    const progress = (await bench.store.state.cursors.progress(ID))!;
    assert.equal([progress.failingSince, progress.lastSuccessAt], [since, undefined]);
    assert.equal(progress.failure, { attempts: 4, reason: 'HTTP 503', nextAttemptAt: since + 15_000 });
    assert.equal(bench.failures, [{ since, attempts: 2, reason: 'HTTP 503' }], 'told once, at the second');
    assert.equal(bench.attempts.at(-1)?.failed_attempts, 4);
    await bench.end();
  });

  it('goes on from there in the next process, and is over with the first success', async () => {
    const bench = new Bench();
    await bench.start(down);
    await bench.store.log.append(record(['a', 'b', 'c', 'd']));
    const since = bench.clock.now();
    await bench.clock.advance(10_000);
    await bench.end();
    const again = new Bench(bench.store);
    await again.clock.advance(60_000);
    let up = false;
    await again.start((batch, ...rest) => (up ? delivered(batch, ...rest) : down(batch)));
    await again.clock.advance(10);
    assert.is((await again.store.state.cursors.progress(ID))?.failure?.attempts, 5);
    assert.equal(again.failures, [{ since, attempts: 5, reason: 'HTTP 503' }], 'told by each process');
    up = true;
    await again.clock.advance(2000);
    await again.finished(4);
    const [recovery, ...more] = again.recoveries;
    assert.equal([recovery?.since, recovery?.attempts, more.length], [since, 5, 0]);
    assert.ok((recovery?.failedMs ?? 0) > 60_000);
    const { failingSince, failure, lastSuccessAt } = await again.end();
    assert.equal([failingSince, failure], [undefined, undefined]);
    assert.ok((lastSuccessAt ?? 0) > since + 60_000);
  });

  it('is no failure where the destination refuses events for good, and no success either', async () => {
    const bench = new Bench();
    let answer = down;
    await bench.start((batch) => answer(batch));
    await bench.store.log.append(record(['a', 'b']));
    await bench.clock.advance(5000);
    answer = refusing;
    await bench.clock.advance(10_000);
    await bench.finished(2);
    const { failingSince, lastSuccessAt, dead } = await bench.end();
    assert.equal([failingSince, lastSuccessAt, dead], [undefined, undefined, 2]);
    assert.is(bench.recoveries.length, 1);
  });

  it('is failing where only dead letters are tried again, and fail', async () => {
    const bench = new Bench();
    let answer = refusing;
    await bench.start((batch) => answer(batch));
    await bench.store.log.append(record(['a']));
    await bench.finished(1);
    answer = down;
    await bench.store.state.deadLetters.redrive(ID, [1]);
    await bench.clock.advance(5000);
    const progress = (await bench.store.state.cursors.progress(ID))!;
    assert.is(progress.failure?.reason, 'HTTP 503');
    assert.is(stateOf({ progress, moved: true }, 1), 'failing');
    answer = (batch) => all(batch, { kind: 'delivered' });
    await bench.clock.advance(10_000);
    const { failingSince, delivered: count } = await bench.end();
    assert.equal([failingSince, count], [undefined, 1]);
  });

  it('is no failure any more where the filter does not want what could not be delivered', async () => {
    const bench = new Bench();
    await bench.start(down);
    await bench.store.log.append(record(['a', 'b']));
    await bench.clock.advance(5000);
    assert.ok((await bench.end()).failingSince);
    const again = new Bench(bench.store);
    await again.start(down, { route: () => 'type' });
    await again.finished(2);
    await again.clock.advance(10);
    assert.is((await again.end()).failingSince, undefined);
    assert.is(again.recoveries.length, 1);
  });

  it('is not counted for a shutdown', async () => {
    const bench = new Bench();
    await bench.start((_, __, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve([]))));
    await bench.store.log.append(record(['a']));
    await bench.clock.advance(10);
    const { failingSince, failure } = await bench.end();
    assert.equal([failingSince, failure], [undefined, undefined]);
  });

  it('forgets a failure that a process of an earlier release has ended', () => {
    const failure = { attempts: 9, reason: 'HTTP 500' };
    assert.equal(new Streak({ failure, lastSuccessAt: START }).saved, { lastSuccessAt: START });
  });
});

describe('the standing of a pipeline', ({ it }) => {
  const progress = { position: 3, start: 0, delivered: 3, dead: 0, filtered: {}, dropped: {} };
  const failing = { ...progress, failingSince: START, failure: { attempts: 4, reason: 'HTTP 503' } };
  const suspended = { reason: 'by hand', at: START };

  it('has one state, by what keeps it from going on', () => {
    const of = (fields: object, moved: boolean, newest: number) =>
      stateOf({ progress: { ...progress, ...fields }, moved }, newest);
    assert.equal([of({}, true, 3), of({}, true, 4), of({}, false, 3)], ['idle', 'delivering', 'unmoved']);
    assert.equal([of(failing, true, 4), of(failing, false, 4)], ['failing', 'unmoved']);
    assert.equal([of({ suspended }, true, 4), of({ suspended, ...failing }, false, 4)], ['suspended', 'suspended']);
  });

  it('has the age of the oldest event that it has yet to pass as its lag, and none where there is none', () => {
    const lag = (pending: number, oldestAt?: number) =>
      standingOf({ state: 'delivering', progress, pending, oldestAt }, START).lag_seconds;
    assert.equal([lag(1, START - 1234), lag(0, START - 1234), lag(1), lag(1, START + 5)], [1.2, 0, 0, 0]);
  });

  it('says when it is tried again, unless it is being tried', () => {
    const next = (nextAttemptAt: number) =>
      standingOf(
        { state: 'failing', progress: { ...failing, failure: { ...failing.failure, nextAttemptAt } }, pending: 1 },
        START,
      ).next_attempt_at;
    assert.equal([next(START + 1000), next(START - 1)], [new Date(START + 1000).toISOString(), undefined]);
  });

  it('says since when it fails also where no process moves it', () => {
    const said = standingOf({ state: 'unmoved', progress: failing, pending: 1, unmovedSince: START + 5 }, START + 10);
    assert.equal(
      [said.since, said.failing_since, said.failed_attempts],
      [new Date(START + 5).toISOString(), new Date(START).toISOString(), 4],
    );
    assert.match(said.reason ?? '', /^no process moves it/);
  });
});
