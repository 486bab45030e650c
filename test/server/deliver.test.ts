import * as assert from 'uvu/assert';
import type { Batch, Outcome, Sender } from '../../adapters/destinations/destination.ts';
import { openMemory } from '../../adapters/logs/memory.ts';
import type { Progress } from '../../adapters/logs/state.ts';
import type { Store } from '../../adapters/logs/store.ts';
import { type DeliverOptions, deliver } from '../../server/deliver.ts';
import type { Attempt, Phase } from '../../server/send.ts';
import { never, record, SHOP, storeOptions } from '../contracts/log.ts';
import { TestClock } from '../support/clock.ts';
import { describe } from '../support/describe.ts';
import { until } from '../support/until.ts';

const ID = { shop: SHOP, pipeline: 'p' };
type Answer = (batch: Batch, attempt: number, signal: AbortSignal) => Outcome[] | Promise<Outcome[]>;

const all = (batch: Batch, outcome: Outcome): Outcome[] => batch.events.map(() => outcome);
const delivered: Answer = (batch) => all(batch, { kind: 'delivered', status: 'HTTP 200' });

class Bench {
  readonly store: Store;
  readonly clock = new TestClock();
  readonly sent: { id: string; events: string[] }[] = [];
  readonly attempts: Attempt[] = [];
  readonly phases: Phase[] = [];
  readonly stop = new AbortController();
  ended: Promise<void> = Promise.resolve();

  constructor(store = openMemory(storeOptions())) {
    this.store = store;
  }

  async start(answer: Answer, options: Partial<DeliverOptions> = {}): Promise<void> {
    const sender: Sender = {
      send: async (batch, signal) => {
        this.sent.push({ id: batch.id, events: batch.events.map(({ event }) => event.event_id) });
        return answer(batch, this.sent.length, signal);
      },
    };
    const cursor = await this.store.state.claim(ID, never);
    this.ended = deliver(
      {
        ...ID,
        log: this.store.log,
        cursor,
        route: () => undefined,
        sender,
        maxBatch: 3,
        clock: this.clock,
        random: () => 0,
        onPhase: (phase) => this.phases.push(phase),
        onAttempt: (attempt) => this.attempts.push(attempt),
        ...options,
      },
      this.stop.signal,
    );
  }

  async end(): Promise<Progress> {
    this.stop.abort();
    await this.ended;
    return (await this.store.state.progress(ID))!;
  }

  async finished(position: number): Promise<void> {
    await until(async () => ((await this.store.state.progress(ID))?.position ?? 0) >= position);
  }
}

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
    assert.equal(await bench.end(), { position: 7, start: 0, delivered: 7, dead: 0, filtered: {}, dropped: {} });
    const [last] = await bench.store.state.journal(ID, 1);
    assert.equal(last, {
      at: bench.clock.now(),
      from: 7,
      to: 7,
      attempts: 1,
      delivered: 1,
      dead: 0,
      status: 'HTTP 200',
    });
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
    assert.is((await bench.store.state.journal(ID, 1))[0]?.attempts, 4);
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
    const letters = await bench.store.state.dead(ID, { limit: 10 });
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
    assert.equal(bench.phases.at(-1), {
      kind: 'suspended',
      reason: 'HTTP 410',
      since: Date.parse('2026-06-01T12:00:00Z'),
    });
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

describe('a pipeline behind the log', ({ it }) => {
  it('counts what the log no longer keeps, so that its numbers still add up', async () => {
    const bench = new Bench();
    await bench.store.state.claim(ID, never);
    await bench.store.log.append(record(['a', 'b']));
    await bench.store.log.trim({ before: new Date(0), passed: () => 0, maxBytes: 0 });
    await bench.store.log.append(record(['c']));
    await bench.start(delivered);
    await bench.finished(3);
    const { position, start, delivered: sent, dropped } = await bench.end();
    assert.equal({ position, start, sent, dropped }, { position: 3, start: 0, sent: 1, dropped: { retention: 2 } });
  });
});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) =>
    signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
  );
