import * as assert from 'uvu/assert';
import type { Batch, Sender } from '../../../adapters/destinations/destination.ts';
import type { Progress } from '../../../adapters/logs/state/progress.ts';
import type { Outcome } from '../../../adapters/outcome.ts';
import { Ledger } from '../../../server/deliver/ledger.ts';
import { positionsIn, stretchesOf } from '../../../server/deliver/stretches.ts';
import { receiptOf } from '../../../server/operate/receipts.ts';
import { record, SHOP } from '../../contracts/log.ts';
import { all, Bench, delivered, ID } from '../../support/bench.ts';
import { describe } from '../../support/describe.ts';
import { until } from '../../support/until.ts';

const IDS = Array.from({ length: 40 }, (_, i) => `e${i}`);

/** Each lane answers as it is told; what was sent is kept in one list. */
function lanes(sent: Batch[], ...answers: ((batch: Batch, signal: AbortSignal) => Outcome[] | Promise<Outcome[]>)[]) {
  return answers.map(
    (answer): Sender => ({
      send: async (batch, signal) => {
        sent.push(batch);
        return answer(batch, signal);
      },
    }),
  );
}

const hangs = (batch: Batch, signal: AbortSignal): Promise<Outcome[]> =>
  new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(all(batch, { kind: 'retry', reason: 'stopped' })), { once: true }),
  );

/** A pipeline of two lanes that stopped while the first had delivered its share, a dead letter in it, and the second waited for an answer. */
async function stopped() {
  const bench = new Bench();
  const sent: Batch[] = [];
  const first = (batch: Batch): Outcome[] =>
    batch.events.map(({ event }) =>
      event.event_id === dead ? { kind: 'rejected', reason: 'HTTP 422' } : { kind: 'delivered', status: 'HTTP 200' },
    );
  let dead = '';
  await bench.start(delivered, {
    senders: lanes(
      sent,
      (batch) => {
        dead ||= batch.events.at(-1)?.event.event_id ?? '';
        return first(batch);
      },
      hangs,
    ),
    maxBatch: 5,
  });
  await bench.store.log.append(record(IDS));
  await until(() => sent.length >= 4);
  await until(() => bench.attempts.length >= 3);
  const progress = await bench.end();
  const attempts = new Map(bench.attempts.map((attempt) => [attempt.batch, attempt]));
  const had = sent.filter(({ id }) => (attempts.get(id)?.delivered ?? 0) > 0).flatMap(({ events }) => events);
  const open = sent.find(({ id }) => attempts.get(id)?.delivered === 0 || !attempts.has(id));
  return { bench, sent, dead, had, open, progress };
}

const counted = ({ delivered: sent, dead, filtered, position, start }: Progress): boolean =>
  position - start === sent + dead + Object.values(filtered).reduce((sum, count) => sum + count, 0);

describe('what is settled ahead of the cursor', ({ it }) => {
  it('is kept when a pipeline stops, and not sent again; only what was being sent is, with the same id', async () => {
    const { bench, dead, had, open, progress } = await stopped();
    assert.ok(progress.ahead, JSON.stringify(progress));
    assert.ok(counted(progress));
    const again = new Bench(bench.store);
    const sent: Batch[] = [];
    await again.start(delivered, { senders: lanes(sent, delivered, delivered), maxBatch: 5 });
    await again.finished(IDS.length);
    const repeated = sent
      .flatMap(({ events }) => events)
      .filter(({ position }) => had.some((one) => one.position === position));
    assert.equal(repeated, []);
    assert.ok(sent.some(({ id }) => id === open?.id));
    const last = await again.end();
    assert.ok(counted(last));
    assert.equal([last.delivered, last.dead, last.ahead], [IDS.length - 1, 1, undefined]);
    assert.equal(
      (await again.store.state.deadLetters.open(ID, { limit: 10 })).map(({ event, reason }) => [
        event.event_id,
        reason,
      ]),
      [[dead, 'HTTP 422']],
    );
  });

  it('stays delivered, and its receipts say so, where the filter is another afterwards', async () => {
    const { bench, had, dead, progress } = await stopped();
    const rule = { events: ['*'], consent: [], whenUnknown: 'send' as const };
    await bench.store.state.journal.saveRule(ID, { ...rule, since: 1 });
    await bench.store.state.journal.saveRule(ID, { ...rule, since: progress.position + 1, events: ['nothing'] });
    const kept = had.filter(({ event, position }) => position > progress.position && event.event_id !== dead);
    assert.ok(kept.length > 0);
    const state = async (position: number) => {
      const [stored] = await bench.store.log.read(SHOP, position - 1, 1, AbortSignal.abort());
      const now = (await bench.store.state.cursors.progress(ID))!;
      const running = [{ id: ID, destination: 'webhook', state: 'idle' as const, progress: now, pending: 0 }];
      return (await receiptOf(bench.store, stored!, running as never, 0)).pipelines?.[0]?.state;
    };
    for (const { position } of kept) assert.is(await state(position), 'delivered');

    const again = new Bench(bench.store);
    await again.start(delivered, { route: () => 'type', senders: lanes([], delivered, delivered) });
    await again.finished(IDS.length);
    for (const { position } of kept) assert.is(await state(position), 'delivered');
    const last = await again.end();
    assert.ok(counted(last));
    assert.is(last.delivered, had.filter(({ event }) => event.event_id !== dead).length);
  });

  it('includes where the search for an event that chokes the destination was: the part that was being sent keeps its id', async () => {
    const bench = new Bench();
    const chokes = (batch: Batch): Outcome[] => all(batch, { kind: 'retry', reason: 'HTTP 500', answered: true });
    // Twelve fail, then six of them hang.
    await bench.start((batch, _attempt, signal) => (batch.events.length > 6 ? chokes(batch) : hangs(batch, signal)), {
      maxBatch: 12,
    });
    await bench.store.log.append(record(IDS.slice(0, 12)));
    await until(() => bench.clock.waits.length === 1);
    await bench.clock.advance(1_000);
    await until(() => bench.sent.length === 2);
    await bench.end();
    const again = new Bench(bench.store);
    await again.start(delivered, { maxBatch: 12 });
    await again.finished(12);
    assert.is(again.sent[0]?.id, bench.sent[1]?.id);
    assert.is((await again.end()).delivered, 12);
  });

  it('is read from what was saved, tries and all', () => {
    const ledger = new Ledger();
    const events = [1, 2, 3, 4, 5, 6].map((position) => ({ position, event: {} as never }));
    ledger.delivered(events.slice(2, 4));
    ledger.tried(events.slice(4));
    ledger.tried(events.slice(5));
    ledger.addDeadLetter({ ...events[1]!, reason: 'no', attempts: 1, at: 0 });
    const ahead = ledger.ahead(0, 2);
    assert.equal(ahead, {
      delivered: [[3, 4]],
      dead: [{ position: 2, reason: 'no', attempts: 1, at: 0 }],
      batches: [],
      tries: [
        [5, 5, 1],
        [6, 6, 2],
      ],
    });
    const next = new Ledger(JSON.parse(JSON.stringify({ ahead })));
    assert.equal(next.ahead(0, 2), ahead);
    assert.is(next.attempt(events.slice(4)), 3);
    assert.equal(
      events.map((one) => next.isOpen(one)),
      [true, false, false, false, true, true],
    );
  });
});

describe('stretches', ({ it }) => {
  it('hold the positions that they were made of', () => {
    assert.equal(stretchesOf([5, 1, 2, 3, 9, 8]), [
      [1, 3],
      [5, 5],
      [8, 9],
    ]);
    assert.equal([...positionsIn([[1, 3]]), ...positionsIn([])], [1, 2, 3]);
    assert.equal(stretchesOf([]), []);
  });
});
