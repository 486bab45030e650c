import * as assert from 'uvu/assert';
import type { Sender } from '../../../adapters/destinations/destination.ts';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import type { Cursor } from '../../../adapters/logs/state/cursors.ts';
import type { DeadLetters } from '../../../adapters/logs/state/dead-letters.ts';
import type { Store } from '../../../adapters/logs/store.ts';
import { ANSWER_MS } from '../../../server/deliver/batch.ts';
import { Ledger } from '../../../server/deliver/ledger.ts';
import { largeRecord, never, record, START, storeOptions, view } from '../../contracts/log.ts';
import { type Answer, all, Bench, claimed, delivered, ID } from '../../support/bench.ts';
import { describe } from '../../support/describe.ts';
import { until } from '../../support/until.ts';

describe('a pipeline delivers', ({ it }) => {
  it('everything once, in order, in batches, and counts it', async () => {
    const bench = new Bench();
    await bench.start(delivered);
    await bench.store.log.append(record(['a', 'b', 'c', 'd', 'e', 'f', 'g']));
    await bench.finished(7);
    assert.equal(
      bench.sent.map(({ events }) => events),
      [['a', 'b', 'c'], ['d', 'e', 'f'], ['g']],
    );
    assert.equal(await bench.end(), {
      ...{ position: 7, start: 0, delivered: 7, dead: 0, filtered: {}, dropped: {} },
      lastSuccessAt: START,
    });
    const batch = { lane: 0, first: 7, last: 7, at: START, attempts: 1, status: 'HTTP 200' };
    const line = await bench.store.state.journal.lineAt(ID, 7);
    assert.equal([line?.from, line?.to, line?.lanes, line?.batches.length, line?.batches.at(-1)], [1, 7, 1, 3, batch]);
  });

  it('full batches of what it wants, and counts what it does not, by reason', async () => {
    const bench = new Bench();
    await bench.start(delivered, { route: ({ event_id }) => (event_id.startsWith('x') ? 'type' : undefined) });
    await bench.store.log.append(record(['x1', 'a', 'x2', 'b', 'x3', 'c', 'd', 'x4']));
    await bench.finished(8);
    assert.equal(
      bench.sent.map(({ events }) => events),
      [['a', 'b', 'c'], ['d']],
    );
    assert.equal(await bench.end(), {
      position: 8,
      start: 0,
      delivered: 4,
      dead: 0,
      filtered: { type: 4 },
      dropped: {},
      lastSuccessAt: START,
    });
  });

  it('nothing where it wants nothing, and still moves on', async () => {
    const bench = new Bench();
    await bench.start(delivered, { route: () => 'consent_denied' });
    await bench.store.log.append(record(['a', 'b']));
    await bench.finished(2);
    assert.equal(bench.sent, []);
    assert.equal((await bench.end()).filtered, { consent_denied: 2 });
  });

  it('the same batch again after a failure, on the schedule, and loses nothing', async () => {
    const bench = new Bench();
    await bench.start((batch, attempt) =>
      attempt < 4 ? all(batch, { kind: 'retry', reason: 'HTTP 503' }) : delivered(batch, attempt, never),
    );
    await bench.store.log.append(record(['a', 'b']));
    await bench.clock.advance(7_000);
    await bench.finished(2);
    assert.is(bench.sent.length, 4);
    assert.is(new Set(bench.sent.map(({ id }) => id)).size, 1);
    assert.equal(bench.clock.waits, [1_000, 2_000, 4_000]);
    assert.is((await bench.store.state.journal.lineAt(ID, 1))?.batches[0]?.attempts, 4);
    assert.is((await bench.end()).delivered, 2);
  });

  it('after the wait that the destination asked for', async () => {
    const bench = new Bench();
    await bench.start((batch, attempt) =>
      all(batch, attempt === 1 ? { kind: 'retry', reason: 'HTTP 429', afterMs: 90_000 } : { kind: 'delivered' }),
    );
    await bench.store.log.append(record(['a']));
    await bench.clock.advance(89_000);
    assert.is(bench.sent.length, 1);
    await bench.clock.advance(1_000);
    await bench.finished(1);
    await bench.end();
  });

  it('only the open events again where the destination answers per event', async () => {
    const bench = new Bench();
    await bench.start((batch, attempt) =>
      batch.events.map(({ event: { event_id } }) =>
        event_id === 'b' && attempt === 1 ? { kind: 'retry', reason: 'busy' } : { kind: 'delivered' },
      ),
    );
    await bench.store.log.append(record(['a', 'b', 'c']));
    await bench.clock.advance(1_000);
    await bench.finished(3);
    assert.equal(
      bench.sent.map(({ events }) => events),
      [['a', 'b', 'c'], ['b']],
    );
    assert.is((await bench.end()).delivered, 3);
  });

  it('the rest where the destination rejects an event, and buries that one with the reason', async () => {
    const bench = new Bench();
    await bench.start((batch) =>
      batch.events.map(({ event: { event_id } }) =>
        event_id === 'b' ? { kind: 'rejected', reason: 'HTTP 422: no' } : { kind: 'delivered' },
      ),
    );
    await bench.store.log.append(record(['a', 'b', 'c', 'd']));
    await bench.finished(4);
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead, progress.position], [3, 1, 4]);
    const letters = await bench.store.state.deadLetters.open(ID, { limit: 10 });
    assert.equal(
      letters.map(({ position, reason, event }) => [position, reason, event.event_id]),
      [[2, 'HTTP 422: no', 'b']],
    );
  });

  it('again what a sender threw at, or answered for the wrong number of events', async () => {
    const bench = new Bench();
    await bench.start((batch, attempt) => {
      if (attempt === 1) throw new Error('ECONNRESET');
      return attempt === 2 ? [] : delivered(batch, attempt, never);
    });
    await bench.store.log.append(record(['a', 'b']));
    await bench.clock.advance(3_000);
    await bench.finished(2);
    assert.equal(bench.attempts.map(({ status }) => status).slice(0, 2), [
      'ECONNRESET',
      'the sender gave 0 outcomes for 2 events',
    ]);
    await bench.end();
  });

  it('no more to a destination that is gone, and says why', async () => {
    const bench = new Bench();
    await bench.start((batch) => all(batch, { kind: 'gone', reason: 'HTTP 410' }));
    await bench.store.log.append(record(['a']));
    await bench.clock.advance(3_600_000);
    assert.is(bench.sent.length, 1);
    assert.equal(bench.suspensions, [{ reason: 'HTTP 410', at: Date.parse('2026-06-01T12:00:00Z') }]);
    assert.is((await bench.end()).position, 0);
  });
});

describe('a pipeline that stops', ({ it }) => {
  it('in the middle of an attempt settles nothing, and sends the same batch with the same id after the next start', async () => {
    const bench = new Bench();
    await bench.start((batch, _attempt, signal) =>
      aborted(signal).then(() => all(batch, { kind: 'retry', reason: 'stopped' })),
    );
    await bench.store.log.append(record(['a', 'b']));
    await until(() => bench.sent.length === 1);
    const { sending, ...progress } = await bench.end();
    assert.is(sending, 2);
    assert.equal(progress, { position: 0, start: 0, delivered: 0, dead: 0, filtered: {}, dropped: {} });

    const again = new Bench(bench.store);
    // What came in meanwhile must not change the batch.
    await again.store.log.append(record(['c', 'd']));
    await again.start(delivered);
    await again.finished(4);
    assert.equal(
      again.sent.map(({ events }) => events),
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    );
    assert.is(again.sent[0]?.id, bench.sent[0]?.id);
    await again.end();
  });

  it('while it waits to retry ends at once', async () => {
    const bench = new Bench();
    await bench.start((batch) => all(batch, { kind: 'retry', reason: 'HTTP 500' }));
    await bench.store.log.append(record(['a']));
    await until(() => bench.clock.waits.length === 1);
    assert.is((await bench.end()).position, 0);
  });

  it('waits a moment for the answer to what is being sent', async () => {
    const bench = new Bench();
    const answers: (() => void)[] = [];
    await bench.start(
      (batch) => new Promise((resolve) => answers.push(() => resolve(all(batch, { kind: 'delivered' })))),
    );
    await bench.store.log.append(record(['a', 'b']));
    await until(() => bench.sent.length === 1);
    bench.stop.abort();
    await bench.clock.advance(ANSWER_MS - 1);
    answers[0]?.();
    await bench.ended;
    assert.is((await bench.store.state.cursors.progress(ID))?.delivered, 2);
  });

  it('keeps what the destination has taken', async () => {
    const bench = new Bench();
    await bench.start((batch) => {
      bench.stop.abort();
      return all(batch, { kind: 'delivered' });
    });
    await bench.store.log.append(record(['a', 'b']));
    await bench.ended;
    assert.is((await bench.end()).delivered, 2);
  });
});

const HOUR_MS = 3_600_000;
const many = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `e${from + i}`);
/** A destination that answers 500 whenever one of these events is in the batch. */
const choking =
  (...poison: string[]): Answer =>
  (batch) =>
    all(
      batch,
      batch.events.some(({ event }) => poison.includes(event.event_id))
        ? { kind: 'retry', reason: 'HTTP 500', answered: true }
        : { kind: 'delivered' },
    );
const down: Answer = (batch) => all(batch, { kind: 'retry', reason: 'ECONNREFUSED' });
const arrivals = (bench: Bench, taken: (events: string[]) => boolean) =>
  bench.sent.filter(({ events }) => taken(events)).flatMap(({ events }) => events);

const ofOneShopper: typeof view = (...seen) => view(...seen).map((event) => ({ ...event, session_id: 's1' }));
/** The events from e100 on are of shoppers of their own. */
const alone = <E extends { event_id: string }>(event: E): E =>
  event.event_id.length > 3 ? { ...event, session_id: event.event_id } : event;

const appendLarge = async ({ log }: Store, count: number): Promise<void> => {
  for (const id of many(count)) await log.append(largeRecord(id));
};

describe('large events', ({ it }) => {
  it('go out in batches of a megabyte and stretches of a few', async () => {
    const bench = new Bench();
    await bench.store.state.cursors.begin(ID);
    await appendLarge(bench.store, 100);
    const stretches: number[] = [];
    const cursor = await claimed(bench.store, ID);
    const save: Cursor['save'] = (update) => {
      const { position, sending } = update.progress;
      if (sending !== undefined) stretches.push(sending - position);
      return cursor.save(update);
    };
    await bench.start(delivered, {
      cursor: Object.create(cursor, { save: { value: save } }) as Cursor,
      maxBatch: 1_000,
    });
    await bench.finished(100);
    await bench.end();
    assert.equal(stretches, [44, 44, 12]);
    assert.equal(
      bench.sent.map(({ events }) => events.length),
      [10, 10, 10, 10, 4, 10, 10, 10, 10, 4, 10, 2],
    );
  });

  it('go out in the same batches after a crash', async () => {
    const batchesOf = async (stopAfter: number): Promise<string[]> => {
      const bench = new Bench();
      await bench.store.state.cursors.begin(ID);
      await appendLarge(bench.store, 60);
      await bench.start(
        (batch, attempt, signal) => {
          if (attempt < stopAfter) return delivered(batch, attempt, signal);
          bench.stop.abort();
          return all(batch, { kind: 'retry', reason: 'stopped' });
        },
        { maxBatch: 1_000 },
      );
      await until(
        async () => bench.stop.signal.aborted || (await bench.store.state.cursors.progress(ID))?.position === 60,
      );
      await bench.end();
      const again = new Bench(bench.store);
      await again.start(delivered, { maxBatch: 1_000 });
      await again.finished(60);
      await again.end();
      return [...new Set([...bench.sent, ...again.sent].map(({ id }) => id))];
    };
    const undisturbed = await batchesOf(Number.POSITIVE_INFINITY);
    for (const stopAfter of [1, 3, 5, 6]) assert.equal(await batchesOf(stopAfter), undisturbed);
  });
});

describe('one event that chokes the destination', ({ it }) => {
  for (const place of [0, 1, 42, 98, 99]) {
    it(`is found at place ${place} of 100, buried with the reason, and holds the others up for less than a minute`, async () => {
      const bench = new Bench();
      const poison = `e${place}`;
      await bench.start(choking(poison), { maxBatch: 100 });
      await bench.store.log.append(record(many(100)));
      await bench.store.log.append(record(many(100, 100)));
      await bench.clock.advance(60_000);
      await bench.finished(200);
      const progress = await bench.end();
      assert.equal([progress.delivered, progress.dead], [199, 1]);
      const [letter] = await bench.store.state.deadLetters.open(ID, { limit: 10 });
      assert.is(letter?.event.event_id, poison);
      assert.match(letter?.reason ?? '', /^failed alone \d+ times while others went through: HTTP 500$/);
      const others = many(200).filter((id) => id !== poison);
      assert.equal(
        arrivals(bench, (events) => !events.includes(poison)),
        others,
      );
    });
  }

  it('is found although the clock is set back meanwhile', async () => {
    const bench = new Bench();
    await bench.start(choking('e0'), { maxBatch: 100 });
    await bench.store.log.append(record(many(100)));
    await bench.clock.advance(10_000);
    bench.clock.set(-30 * 24 * 3_600_000);
    await bench.clock.advance(60_000);
    await bench.finished(100);
    assert.is((await bench.end()).dead, 1);
  });

  it('is not condemned while nothing else goes through either: the destination is down', async () => {
    const bench = new Bench();
    let up = false;
    await bench.start(
      (batch, attempt, signal) => (up ? delivered(batch, attempt, signal) : down(batch, attempt, signal)),
      { maxBatch: 10 },
    );
    await bench.store.log.append(record(many(30)));
    await bench.clock.advance(5 * HOUR_MS);
    assert.is((await bench.store.state.cursors.progress(ID))?.position, 0);
    assert.ok(bench.sent.length <= 5 * 120 + 20, `${bench.sent.length} attempts in 5 h`);
    up = true;
    await bench.clock.advance(30_000);
    await bench.finished(30);
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead], [30, 0]);
    assert.is(progress.failingSince, undefined);
  });

  it('is not condemned for an outage that answers 500 to everything', async () => {
    const bench = new Bench();
    let up = false;
    await bench.start(
      (batch, attempt, signal) =>
        up ? delivered(batch, attempt, signal) : all(batch, { kind: 'retry', reason: 'HTTP 500', answered: true }),
      { maxBatch: 10 },
    );
    await bench.store.log.append(record(many(30)));
    await bench.clock.advance(HOUR_MS);
    up = true;
    await bench.clock.advance(30_000);
    await bench.finished(30);
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead], [30, 0]);
    assert.equal(arrivals(bench, (events) => events.length > 0).slice(-1), ['e29']);
  });

  it('at the end of the log waits for others to compare with', async () => {
    const bench = new Bench();
    await bench.start(choking('e0'), { maxBatch: 10 });
    await bench.store.log.append(record(['e0']));
    await bench.clock.advance(10 * 60_000);
    assert.is((await bench.store.state.deadLetters.open(ID, { limit: 1 })).length, 0);
    await bench.store.log.append(record(many(9, 1)));
    await bench.clock.advance(2 * 60_000);
    await bench.finished(10);
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead], [9, 1]);
  });

  it('is found among others where there are several', async () => {
    const bench = new Bench();
    await bench.start(choking('e3', 'e4', 'e77'), { maxBatch: 100 });
    await bench.store.log.append(record(many(100)));
    await bench.clock.advance(5 * 60_000);
    await bench.finished(100);
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead], [97, 3]);
  });

  for (const minutes of [1, 2, 3, 4, 5, 6, 7]) {
    it(`does not change a shopper's order, whom nobody accompanies, by an outage of ${minutes} minutes that answers 500`, async () => {
      const bench = new Bench(openMemory(storeOptions({ view: ofOneShopper })));
      let up = false;
      await bench.start(
        (batch, attempt, signal) =>
          up ? delivered(batch, attempt, signal) : all(batch, { kind: 'retry', reason: 'HTTP 500', answered: true }),
        { maxBatch: 10 },
      );
      await bench.store.log.append(record(many(5)));
      await bench.clock.advance(minutes * 60_000);
      const before = bench.sent.length;
      up = true;
      await bench.clock.advance(60_000);
      await bench.finished(5);
      await bench.end();
      assert.equal(
        bench.sent.slice(before).flatMap(({ events }) => events),
        many(5),
      );
    });
  }

  it('is found also where one shopper alone fills a whole stretch', async () => {
    const bench = new Bench(openMemory(storeOptions({ view: ofOneShopper })));
    await bench.start(choking('e3'), { maxBatch: 10 });
    await bench.store.log.append(record(many(100)));
    await bench.clock.advance(5 * 60_000);
    await bench.finished(100);
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead], [99, 1]);
  });

  it('is found also among the large events of one shopper alone', async () => {
    const bench = new Bench(openMemory(storeOptions({ view: ofOneShopper })));
    await bench.store.state.cursors.begin(ID);
    await appendLarge(bench.store, 60);
    await bench.start(choking('e3'), { maxBatch: 100 });
    await bench.clock.advance(5 * 60_000);
    await bench.finished(60);
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead], [59, 1]);
  });

  it('is found once another shopper comes', async () => {
    const bench = new Bench(openMemory(storeOptions({ view: (...seen) => ofOneShopper(...seen).map(alone) })));
    await bench.start(choking('e0'), { maxBatch: 10 });
    await bench.store.log.append(record(many(3)));
    await bench.clock.advance(10 * 60_000);
    assert.is((await bench.store.state.cursors.progress(ID))?.position, 0);
    await bench.store.log.append(record(many(9, 100)));
    await bench.clock.advance(5 * 60_000);
    await bench.finished(12);
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead], [11, 1]);
  });

  it('refused for its content alone is buried at once', async () => {
    const bench = new Bench();
    await bench.start(
      (batch) => {
        if (!batch.events.some(({ event }) => event.event_id === 'e7')) return all(batch, { kind: 'delivered' });
        return all(
          batch,
          batch.events.length === 1
            ? { kind: 'rejected', reason: 'HTTP 422' }
            : { kind: 'retry', reason: 'HTTP 422', answered: true },
        );
      },
      { maxBatch: 10 },
    );
    await bench.store.log.append(record(many(20)));
    await bench.clock.advance(10_000);
    await bench.finished(20);
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead], [19, 1]);
  });
});

describe('a destination that stays dead', ({ it }) => {
  it('for 74 h gets everything when it is back', async () => {
    const bench = new Bench();
    let up = false;
    await bench.start(
      (batch, attempt, signal) => (up ? delivered(batch, attempt, signal) : down(batch, attempt, signal)),
      { maxBatch: 100 },
    );
    await bench.store.log.append(record(many(50)));
    await bench.clock.advance(74 * HOUR_MS);
    up = true;
    await bench.clock.advance(30_000);
    await bench.finished(50);
    assert.is((await bench.end()).delivered, 50);
  });

  it('for 77 h has its pipeline suspended, which says so, and a resumed one delivers the rest', async () => {
    const bench = new Bench();
    await bench.start(down, { maxBatch: 100 });
    await bench.store.log.append(record(many(50)));
    await bench.clock.advance(77 * HOUR_MS);
    assert.match(bench.suspensions.at(-1)?.reason ?? '', /nothing delivered for 76 h; last answer: ECONNREFUSED/);
    const { suspended, failingSince, failure, ...progress } = await bench.end();
    assert.is(progress.position, 0);
    assert.ok(suspended && failingSince);
    assert.is(failure?.reason, 'ECONNREFUSED');

    const again = new Bench(bench.store);
    await again.start(delivered);
    await again.clock.advance(HOUR_MS);
    assert.is(again.sent.length, 0);
    await again.end();
    await again.store.state.cursors.resume(ID);
    assert.equal(await again.store.state.cursors.progress(ID), progress);
    const resumed = new Bench(bench.store);
    await resumed.start(delivered, { maxBatch: 100 });
    await resumed.finished(50);
    assert.is((await resumed.end()).delivered, 50);
  });

  for (const days of [-30, 30]) {
    it(`while the clock is set by ${days} days is asked as before, and nothing is suspended`, async () => {
      const bench = new Bench();
      const times: number[] = [];
      let up = false;
      const answer: Answer = (batch, attempt, signal) => {
        times.push(bench.clock.steady());
        return up ? delivered(batch, attempt, signal) : all(batch, { kind: 'retry', reason: 'HTTP 503' });
      };
      await bench.start(answer, { maxBatch: 100 });
      await bench.store.log.append(record(many(50)));
      await bench.clock.advance(5 * 60_000);
      const before = times.length;
      bench.clock.set(days * 24 * HOUR_MS);
      await bench.clock.advance(5 * 60_000);
      assert.ok(times.length - before >= 10, `${times.length - before} attempts in five minutes`);
      for (let i = 1; i < times.length; i++) assert.ok(times[i]! - times[i - 1]! >= 1000);
      const progress = await bench.store.state.cursors.progress(ID);
      const since = bench.clock.now() - (progress?.failingSince ?? 0);
      assert.ok(Math.abs(since - 10 * 60_000) < 1000, `failing for ${since} ms by what is saved`);
      up = true;
      await bench.clock.advance(30_000);
      await bench.finished(50);
      assert.is((await bench.end()).failingSince, undefined);
    });
  }

  it('is asked at most once a second, whatever the number of lanes', async () => {
    const bench = new Bench();
    const times: number[] = [];
    const answer: Answer = (batch) => {
      times.push(bench.clock.now());
      return all(batch, { kind: 'retry', reason: 'HTTP 503', answered: true });
    };
    await bench.start(answer, {
      senders: Array.from({ length: 4 }, () => ({ send: async (batch) => answer(batch, 0, never) })),
    });
    await bench.store.log.append(record(many(12)));
    await bench.clock.advance(10 * 60_000);
    // The first attempts of the lanes leave before any has failed.
    const later = times.slice(4);
    assert.ok(later.length > 10);
    for (let i = 1; i < later.length; i++)
      assert.ok(later[i]! - later[i - 1]! >= 1000, `${later[i]! - later[i - 1]!} ms apart`);
    await bench.end();
  });
});

describe('a destination that says when to come again', ({ it }) => {
  it('is asked by no lane before', async () => {
    const bench = new Bench();
    const times: number[] = [];
    const answer: Answer = (batch) => {
      times.push(bench.clock.steady());
      return all(batch, { kind: 'retry', reason: 'HTTP 429', answered: true, afterMs: 60_000 });
    };
    await bench.start(answer, {
      senders: Array.from({ length: 4 }, () => ({ send: async (batch) => answer(batch, 0, never) })),
    });
    await bench.store.log.append(record(many(12)));
    await bench.clock.advance(10 * 60_000);
    // The first attempts of the lanes leave before any has its answer.
    const later = times.slice(3);
    assert.ok(later.length > 5, `${later.length} attempts`);
    for (let i = 1; i < later.length; i++)
      assert.ok(later[i]! - later[i - 1]! >= 60_000, `${later[i]! - later[i - 1]!} ms apart`);
    await bench.end();
  });
});

describe('the ledger', ({ it }) => {
  const event = (position: number) => ({ position, event: view('test', '["e"]', [0], record(['e']).context)[0]! });

  it('count a position once, also where the cursor stops in the middle of a stretch', () => {
    const ledger = new Ledger(undefined);
    const seen = [1, 2, 3, 4].map((position) => ({
      position,
      filtered: position === 1 ? ('type' as const) : undefined,
    }));
    ledger.delivered([event(2)]);
    const start = { position: 0, start: 0, delivered: 0, dead: 0, filtered: {}, dropped: {} };
    const { progress } = ledger.advance(start, seen, 4, 'corrupt', 1);
    assert.equal(progress, { ...start, position: 2, delivered: 1, filtered: { type: 1 } });
    ledger.forgetPassed(progress.position);
    assert.equal(ledger.advance(progress, seen, 4, 'corrupt', 1).progress, progress);
    ledger.delivered([event(3), event(4)]);
    assert.equal(ledger.advance(progress, seen, 4, 'corrupt', 1).progress, { ...progress, position: 4, delivered: 3 });
  });
});

describe('lanes', ({ it }) => {
  it('keep the order of each shopper, and the ledger', async () => {
    const store = openMemory(
      storeOptions({
        view: (dialect, body, indexes, context) =>
          view(dialect, body, indexes, context).map((event) => ({
            ...event,
            session_id: `s${Number(event.event_id.slice(1)) % 7}`,
          })),
      }),
    );
    const bench = new Bench(store);
    const orders = new Map<string, number[]>();
    let n = 0;
    const sender: Sender = {
      send: async (batch) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (n++ % 5 === 2) return all(batch, { kind: 'retry', reason: 'HTTP 500', answered: true });
        for (const { event } of batch.events)
          orders.set(event.session_id!, [...(orders.get(event.session_id!) ?? []), Number(event.event_id.slice(1))]);
        return all(batch, { kind: 'delivered' });
      },
    };
    await bench.start(delivered, { senders: [sender, sender, sender], maxBatch: 5 });
    for (let i = 0; i < 20; i++) await store.log.append(record(many(10, i * 10)));
    await until(async () => {
      await bench.clock.advance(1_000);
      return (await store.state.cursors.progress(ID))?.position === 200;
    });
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead, progress.position], [200, 0, 200]);
    assert.is(orders.size, 7);
    for (const order of orders.values())
      assert.equal(
        order,
        [...order].sort((a, b) => a - b),
      );
    assert.is([...orders.values()].flat().length, 200);
  });
});

describe('a redriven dead letter', ({ it }) => {
  it('is delivered after a fix, and counted as such', async () => {
    const bench = new Bench();
    let fixed = false;
    await bench.start((batch) =>
      batch.events.map(({ event: { event_id } }) =>
        event_id === 'e1' && !fixed ? { kind: 'rejected', reason: 'HTTP 422' } : { kind: 'delivered' },
      ),
    );
    await bench.store.log.append(record(many(3)));
    await bench.finished(3);
    await bench.store.state.deadLetters.redrive(ID, [2]);
    await until(async () => (await bench.store.state.deadLetters.open(ID, { limit: 1 }))[0]?.redrive === undefined);
    assert.is((await bench.store.state.deadLetters.open(ID, { limit: 10 })).length, 1);
    fixed = true;
    await bench.store.state.deadLetters.redrive(ID, [2]);
    await until(async () => (await bench.store.state.deadLetters.open(ID, { limit: 10 })).length === 0);
    const progress = await bench.end();
    assert.equal([progress.delivered, progress.dead, progress.position], [3, 0, 3]);
    assert.is(bench.sent.at(-1)?.events[0], 'e1');
  });

  it('marked while the process was down is tried at its start', async () => {
    const bench = new Bench();
    await bench.start((batch) => all(batch, { kind: 'rejected', reason: 'no' }));
    await bench.store.log.append(record(['e0']));
    await bench.finished(1);
    await bench.end();
    await bench.store.state.deadLetters.redrive(ID, [1]);
    const again = new Bench(bench.store);
    await again.start(delivered);
    await until(async () => (await again.store.state.deadLetters.open(ID, { limit: 10 })).length === 0);
    assert.is((await again.end()).delivered, 1);
  });
});

describe('very many dead letters', ({ it }) => {
  it('are sent a batch at a time, and new events between two batches', async () => {
    const bench = new Bench();
    await bench.start((batch) => all(batch, { kind: 'rejected', reason: 'no' }), { maxBatch: 100 });
    for (let i = 0; i < 1_000; i += 100) await bench.store.log.append(record(many(100, i)));
    await bench.finished(1_000);
    await bench.end();
    await bench.store.state.deadLetters.redrive(
      ID,
      Array.from({ length: 750 }, (_, i) => 251 + i),
    );

    const { state } = bench.store;
    let read = 0;
    const marked: DeadLetters['marked'] = async (...asked) => {
      const letters = await state.deadLetters.marked(...asked);
      read += letters.length;
      return letters;
    };
    const again = new Bench(bench.store);
    const readBefore: number[] = [];
    await again.start(
      (batch, attempt, signal) => {
        readBefore.push(read);
        // A new event has its turn between two batches of letters.
        if (attempt === 1) void again.store.log.append(record(['new']));
        return delivered(batch, attempt, signal);
      },
      {
        maxBatch: 100,
        state: { ...state, deadLetters: Object.create(state.deadLetters, { marked: { value: marked } }) },
      },
    );
    await until(async () => (await state.deadLetters.open(ID, { limit: 1_000 })).length === 250);
    await again.end();
    const sent = again.sent.flatMap(({ events }) => events);
    assert.is(sent.indexOf('new'), 100);
    assert.equal(
      sent.filter((id) => id !== 'new'),
      many(750, 250),
    );
    assert.equal(readBefore, [100, 100, 200, 300, 400, 500, 600, 700, 750]);
  });
});

describe('a replay', ({ it }) => {
  it('delivers its stretch and ends', async () => {
    const bench = new Bench();
    await bench.store.log.append(record(many(10)));
    const cursor = await claimed(bench.store, { ...ID, pipeline: 'p-replay-1' }, 2);
    await bench.start(delivered, { id: { ...ID, pipeline: 'p-replay-1' }, cursor, until: 7 });
    await bench.ended;
    assert.equal(
      bench.sent.flatMap(({ events }) => events),
      many(5, 2),
    );
    assert.is(cursor.progress.delivered, 5);
  });

  it('ends where its events are gone', async () => {
    const bench = new Bench();
    await bench.store.log.append(record(many(5)));
    await bench.store.log.trim({ before: new Date(0), passed: () => 0, maxBytes: 0 });
    const cursor = await claimed(bench.store, { ...ID, pipeline: 'p-replay-1' }, 0);
    await bench.start(delivered, { id: { ...ID, pipeline: 'p-replay-1' }, cursor, until: 5 });
    await bench.ended;
    assert.equal(cursor.progress.dropped, { retention: 5 });
  });
});

describe('a pipeline behind the log', ({ it }) => {
  it('counts what the log no longer keeps, so that its numbers still add up', async () => {
    const bench = new Bench();
    await bench.store.state.cursors.begin(ID);
    await bench.store.log.append(record(['a', 'b']));
    await bench.store.log.trim({ before: new Date(0), passed: () => 0, maxBytes: 0 });
    await bench.store.log.append(record(['c']));
    await bench.start(delivered);
    await bench.finished(3);
    const { position, start, delivered: sent, dropped } = await bench.end();
    assert.equal({ position, start, sent, dropped }, { position: 3, start: 0, sent: 1, dropped: { retention: 2 } });
    assert.equal(bench.missing, [[2, 'retention']]);
  });
});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) =>
    signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
  );
