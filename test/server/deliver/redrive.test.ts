import * as assert from 'uvu/assert';
import type { Batch } from '../../../adapters/destinations/destination.ts';
import type { Outcome } from '../../../adapters/outcome.ts';
import { ANSWER_MS } from '../../../server/deliver/batch.ts';
import { never, record } from '../../contracts/log.ts';
import { Bench, delivered, ID } from '../../support/bench.ts';
import { describe } from '../../support/describe.ts';
import { until } from '../../support/until.ts';

const all = (batch: Batch, outcome: Outcome): Outcome[] => batch.events.map(() => outcome);
const rejected = (batch: Batch): Outcome[] => all(batch, { kind: 'rejected', reason: 'HTTP 422' });
const down = (batch: Batch): Outcome[] => all(batch, { kind: 'retry', reason: 'HTTP 503' });

/** A pipeline whose first events are dead letters; what it answers afterwards is the test's. */
async function withLetters(ids: readonly string[]) {
  const bench = new Bench();
  let answer: (batch: Batch, signal: AbortSignal) => Outcome[] | Promise<Outcome[]> = rejected;
  await bench.start((batch, _attempt, signal) => answer(batch, signal));
  await bench.store.log.append(record(ids));
  await bench.finished(ids.length);
  bench.sent.length = 0;
  const answers = (next: typeof answer): void => {
    answer = next;
  };
  const letters = () => bench.store.state.deadLetters.open(ID, { limit: 100 });
  return { bench, answers, letters };
}

describe('a dead letter that is tried once more', ({ it }) => {
  it('stays marked through an outage, and is delivered after it', async () => {
    const { bench, answers, letters } = await withLetters(['a']);
    answers(down);
    await bench.store.state.deadLetters.redrive(ID, [1]);
    await until(() => bench.sent.length === 1);
    await bench.clock.advance(10_000);
    await until(() => bench.sent.length > 3);
    assert.is((await letters())[0]?.redrive, true);
    answers((batch) => delivered(batch));
    await bench.clock.advance(60_000);
    await until(async () => (await letters()).length === 0);
    const letter = await bench.store.state.deadLetters.at(ID, 1);
    assert.is(letter?.ended?.kind, 'delivered');
    // Once when it was rejected, and each time since.
    assert.is(letter?.ended?.attempts, 1 + bench.sent.length);
    const { delivered: sent, dead } = await bench.end();
    assert.equal([sent, dead], [1, 0]);
  });

  it('lets new events through while it fails alone, and is dead again after five failures', async () => {
    const { bench, answers, letters } = await withLetters(['a']);
    answers((batch) =>
      batch.events.some(({ event }) => event.event_id === 'a')
        ? all(batch, { kind: 'retry', reason: 'HTTP 500', answered: true })
        : delivered(batch),
    );
    await bench.store.state.deadLetters.redrive(ID, [1]);
    for (let i = 0; i < 20; i++) {
      await bench.store.log.append(record([`new-${i}`]));
      await bench.clock.advance(5_000);
    }
    await bench.finished(21);
    await until(async () => (await letters())[0]?.redrive === undefined);
    const [letter] = await letters();
    assert.match(letter?.reason ?? '', /failed alone 5 times/);
    const { delivered: sent, dead } = await bench.end();
    assert.equal([sent, dead], [20, 1]);
  });

  it('is not sent again where the receiver had it before the pipeline stopped', async () => {
    const { bench, answers, letters } = await withLetters(['a', 'b', 'c', 'd']);
    // Three in a batch: the first goes through, the second hangs until the end.
    answers((batch, signal) =>
      batch.events.length === 3 ? delivered(batch) : aborted(signal).then(() => down(batch)),
    );
    await bench.store.state.deadLetters.redrive(ID, [1, 2, 3, 4]);
    await until(() => bench.sent.length === 2);
    const { delivered: sent, dead } = await bench.end();
    assert.equal([sent, dead], [3, 1]);
    assert.equal(
      (await letters()).map(({ position, redrive }) => [position, redrive]),
      [[4, true]],
    );
  });

  it('is left out, and says so, where the filter does not want it any more', async () => {
    const { bench } = await withLetters(['a', 'b']);
    await bench.end();
    await bench.store.state.deadLetters.redrive(ID, [1, 2]);
    const again = new Bench(bench.store);
    await again.start(delivered, { route: ({ event_id }) => (event_id === 'a' ? 'consent_denied' : undefined) });
    await until(async () => (await again.store.state.deadLetters.marked(ID, { limit: 1 })).length === 0);
    assert.equal(
      again.sent.map(({ events }) => events),
      [['b']],
    );
    const letter = await again.store.state.deadLetters.at(ID, 1);
    assert.equal([letter?.redrive, letter?.leftOut?.reason, letter?.ended], [undefined, 'consent_denied', undefined]);
    const { delivered: sent, dead } = await again.end();
    assert.equal([sent, dead], [1, 1]);
  });

  it('goes without the key of a cart that an earlier version has kept in it', async () => {
    const { bench, answers, letters } = await withLetters(['a']);
    await bench.end();
    const cursor = await bench.store.state.cursors.claim(ID, never);
    const [letter] = await letters();
    const cart = 'gid://shopify/Cart/hWN5kTq2ZpXc8LrVb3MdYs71';
    const event = { ...letter!.event, cart: { id: `${cart}?key=f00` } };
    await cursor.save({ progress: cursor.progress, dead: [{ ...letter!, event }] });
    await cursor.release();
    await bench.store.state.deadLetters.redrive(ID, [1]);
    const again = new Bench(bench.store);
    const carts: unknown[] = [];
    await again.start((batch) => {
      carts.push(...batch.events.map((one) => one.event.cart));
      return delivered(batch);
    });
    answers(delivered);
    await until(() => carts.length > 0);
    assert.equal(carts, [{ id: cart }]);
    await again.end();
  });

  it('goes out in batches of a megabyte at most', async () => {
    const large = Array.from({ length: 6 }, (_, i) => `${i}`);
    const { bench, answers, letters } = await withLetters(large.map((id) => id.padEnd(190, 'x')));
    const real = bench.store.state.deadLetters.marked.bind(bench.store.state);
    answers((batch) => delivered(batch));
    await bench.end();
    await bench.store.state.deadLetters.redrive(ID, [1, 2, 3, 4, 5, 6]);
    const again = new Bench(bench.store);
    const deadLetters = Object.create(bench.store.state.deadLetters, {
      marked: {
        value: async (...asked: Parameters<typeof real>) =>
          (await real(...asked)).map((letter) => ({
            ...letter,
            event: { ...letter.event, data: { text: 'x'.repeat(400_000) } },
          })),
      },
    });
    await again.start(delivered, { state: { ...bench.store.state, deadLetters }, maxBatch: 100 });
    await until(async () => (await letters()).length === 0);
    assert.equal(
      again.sent.map(({ events }) => events.length),
      [2, 2, 2],
    );
    await again.end();
  });
});

describe('a dead letter that is discarded', ({ it }) => {
  it('while it is being tried once more is never sent again, and stays discarded', async () => {
    const { bench, answers, letters } = await withLetters(['a']);
    answers((batch, signal) => aborted(signal).then(() => rejected(batch)));
    await bench.store.state.deadLetters.redrive(ID, [1]);
    await until(() => bench.sent.length === 1);
    await discarded(bench);
    await bench.ended;
    assert.equal(await letters(), []);
    assert.is((await bench.store.state.deadLetters.at(ID, 1))?.ended?.kind, 'discarded');

    const again = new Bench(bench.store);
    await again.start(delivered);
    await again.store.log.append(record(['b']));
    await again.finished(2);
    const { delivered: sent, dead } = await again.end();
    assert.equal([sent, dead], [1, 1]);
    assert.equal(
      again.sent.map(({ events }) => events),
      [['b']],
    );
  });

  it('after the receiver had it counts as delivered', async () => {
    const { bench, answers } = await withLetters(['a']);
    answers((batch, signal) => aborted(signal).then(() => delivered(batch)));
    await bench.store.state.deadLetters.redrive(ID, [1]);
    await until(() => bench.sent.length === 1);
    await discarded(bench);
    assert.is((await bench.store.state.deadLetters.at(ID, 1))?.ended?.kind, 'delivered');
    const { delivered: sent, dead } = await bench.end();
    assert.equal([sent, dead], [1, 0]);
  });
});

/** What is being sent has its second to be answered first. */
async function discarded({ store, clock }: Bench): Promise<void> {
  const done = store.state.deadLetters.discard(ID, [1], 5);
  await clock.advance(ANSWER_MS);
  await done;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) =>
    signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
  );
