import { setImmediate as nextTurn } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import type { Dialect } from '../../../adapters/dialects/dialect.ts';
import { LogUnavailable } from '../../../adapters/logs/log.ts';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import { BadOrder, Busy, NotFound } from '../../../server/base/errors.ts';
import { createOperations, type OperatorTools } from '../../../server/operate/operator.ts';
import { idOf } from '../../../server/operate/quarantine-ids.ts';
import { never, OTHER, record, SHOP, START, storeOptions } from '../../contracts/log.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';
import { countTurns } from '../../support/turns.ts';
import { until } from '../../support/until.ts';

const ID = { shop: SHOP, pipeline: 'p' };
const RUNNING = { id: ID, state: 'idle' };
const LARGE = 'x'.repeat(256 * 1024);

/** A dialect that takes what begins with a bracket: a body of ids as the log's tests have them. */
const dialect = {
  name: 'test',
  single: (raw: string) => raw,
  read: (body: string) =>
    body.startsWith('[')
      ? { events: (JSON.parse(body) as string[]).map((id, index) => ({ id, index })), refused: [] }
      : { events: [], refused: [{ code: 'x', reasons: [], raw: body }] },
} as unknown as Dialect;

const refusal = (id: string, raw = '{}', code = 'x') => ({ id, index: 0, code, reasons: [`${id} is wrong`], raw });

/** An operator of two shops, one with a pipeline, on a log in memory. */
function stage() {
  const opened = openMemory(storeOptions({ quarantineMax: 100_000, quarantineMaxBytes: 1e12 }));
  const { quarantine, deadLetters } = opened.state;
  const state = { ...opened.state, quarantine: replaceable(quarantine), deadLetters: replaceable(deadLetters) };
  const store = { ...opened, log: replaceable(opened.log), state };
  const clock = new TestClock();
  const stopping = new AbortController();
  const errors: unknown[] = [];
  const all = [SHOP, OTHER].map((shop) => ({ config: { shop } }));
  const tools = {
    store,
    dialects: [dialect],
    shops: () => ({ all, byName: (name: string) => all.find(({ config }) => config.shop === name) }),
    pipelines: { statuses: async () => [RUNNING], allStatuses: async () => [RUNNING], find: () => ({}) },
    replays: { ids: async () => [] },
    clock,
    stopping: stopping.signal,
    onError: (error: unknown) => void errors.push(error),
  };
  return { ...store, clock, stopping, errors, operations: createOperations(tools as unknown as OperatorTools) };
}

/** The same, with methods that a test can replace. */
function replaceable<T extends object>(whole: T): T {
  const own = new Map<PropertyKey, unknown>();
  return new Proxy(whole, {
    get: (target, name) => (own.has(name) ? own.get(name) : Reflect.get(target, name)),
    set: (_, name, value) => own.set(name, value) === own,
  });
}

type Stage = ReturnType<typeof stage>;

/** Looks at a job until it has ended. */
async function ended({ operations }: Stage, id: string) {
  await until(async () => (await operations.job(id)).state !== 'running');
  return operations.job(id);
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => assert.unreachable('it did not fail') as never,
    (error: Error) => error,
  );
}

describe('an operator who looks through very much', ({ it }) => {
  it('reads no body for a list, and for a receipt only what has the id', async () => {
    const { log, state, operations } = stage();
    await log.append(record([], { refused: Array.from({ length: 20 }, (_, n) => refusal(`e${n}`, LARGE)) }));
    let bodies = 0;
    let heads = 0;
    const unread = async () => {
      bodies += 1;
      return [] as never;
    };
    for (const name of ['page', 'at'] as const) state.quarantine[name] = unread;
    const about = state.quarantine.about.bind(state);
    state.quarantine.about = async (...asked) => {
      const found = await about(...asked);
      heads += found.length;
      return found;
    };
    const receipts = await operations.receipts('e19', undefined);
    assert.equal(
      receipts.map(({ event_id, state: how, reasons }) => [event_id, how, reasons]),
      [['e19', 'quarantined', ['e19 is wrong']]],
    );
    assert.equal(await operations.receipts('unknown', undefined), []);
    assert.equal([bodies, heads], [0, 1]);
  });

  it('sees the orders of an earlier version by the names of today', async () => {
    const { state, operations } = stage();
    const job = { of: 'dead', kind: 'discard', state: 'done', looked: 1, counts: { discarded: 1 } } as const;
    await state.jobs.start({ ...job, selection: { shop: SHOP, eventId: 'e1' }, startedAt: 1, seenAt: 1 }, 0);
    const [seen] = await operations.allJobs();
    assert.equal(seen?.selection, { shop: SHOP, event_id: 'e1' });
    assert.is(seen?.started_at, '1970-01-01T00:00:00.001Z');
  });

  it('holds nobody up by what is in quarantine', async () => {
    const { log, state, operations } = stage();
    await log.append(record([], { refused: Array.from({ length: 1000 }, (_, n) => refusal(`e${n}`)) }));
    const turns = countTurns();
    const asked: number[] = [];
    const heads = state.quarantine.heads.bind(state);
    state.quarantine.heads = (shop, page) => {
      asked.push(turns.count());
      assert.ok(page.limit <= 200);
      return heads(shop, page);
    };
    const { items } = await operations.quarantine({ code: 'none' }, { limit: 100 });
    turns.stop();
    assert.equal(items, []);
    assert.is(new Set(asked.slice(0, -1)).size, asked.length - 1, 'others have their turn between');
  });

  it('ends a page of large dead letters at its bytes, and goes on after it', async () => {
    const { log, state, operations } = stage();
    await log.append(record(Array.from({ length: 10 }, (_, n) => `e${n}`)));
    await state.cursors.begin(ID);
    const cursor = await state.cursors.claim(ID, never);
    const stored = await log.read(SHOP, 0, 10, never);
    const dead = stored.map(({ position, event }) => ({ position, event, reason: LARGE, attempts: 1, at: START }));
    await cursor.save({ progress: cursor.progress, dead });
    const seen: number[] = [];
    let pages = 0;
    for (let after: string | undefined; ; pages++) {
      const page = await operations.dead({}, { limit: 100, ...(after && { after }) });
      assert.ok(page.items.length <= 5);
      seen.push(...page.items.map(({ position }) => position));
      if (page.next === undefined) break;
      after = page.next;
    }
    assert.equal([seen, pages], [stored.map(({ position }) => position), 2]);
  });

  it('exports quarantined events one by one, each read when it is taken', async () => {
    const { log, state, operations } = stage();
    await log.append(record([], { refused: Array.from({ length: 30 }, (_, n) => refusal(`e${n}`, LARGE)) }));
    let read = 0;
    const at = state.quarantine.at.bind(state);
    state.quarantine.at = (...asked) => {
      read += 1;
      return at(...asked);
    };
    let taken = 0;
    for await (const { raw } of operations.allQuarantined({})) {
      taken += 1;
      assert.is(raw.length, LARGE.length);
      assert.is(read, taken);
    }
    assert.is(taken, 30);
  });

  it('sees no key of a cart, which is kept for what is tried again', async () => {
    const { log, state, operations } = stage();
    const cart = 'gid://shopify/Cart/hWN5kTq2ZpXc8LrVb3MdYs71';
    const raw = `{"cart":"${cart}?key=f00","to":"${encodeURIComponent(`${cart}?key=f00`)}"}`;
    const refused = { ...refusal(`${cart}?key=f00`, raw), reasons: [`events[0].x: got "${cart}?key=f0…"`] };
    await log.append(record(['e1'], { refused: [refused] }));
    await state.cursors.begin(ID);
    const cursor = await state.cursors.claim(ID, never);
    const [stored] = await log.read(SHOP, 0, 1, never);
    const event = { ...stored!.event, cart: { id: `${cart}?key=f00` } };
    const letter = { position: 1, event, reason: `HTTP 422: no ${cart}?key=f00`, attempts: 1, at: START };
    await cursor.save({ progress: cursor.progress, dead: [letter] });

    const { items } = await operations.quarantine({}, { limit: 10 });
    const whole = await operations.oneQuarantined(items[0]!.id);
    const exported: unknown[] = [];
    for await (const one of operations.allQuarantined({})) exported.push(one);
    const receipts = await operations.receipts(`${cart}?key=f00`, undefined);
    const dead = (await operations.dead({}, { limit: 10 })).items;
    for (const shown of [items, whole, exported, receipts, dead]) {
      const text = JSON.stringify(shown);
      assert.ok(text.includes('Cart') && !text.includes('f0'), text);
    }
    assert.is((await state.quarantine.at(SHOP, '1'))?.raw, raw);
    assert.equal(dead[0]?.event.cart, { id: cart });
  });

  it('redrives and discards dead letters in commits of a bounded size', async () => {
    const { log, state, operations } = stage();
    const redriven: number[][] = [];
    const discarded: number[][] = [];
    const redrive = state.deadLetters.redrive.bind(state);
    state.deadLetters.redrive = (id, positions) => {
      redriven.push([...positions]);
      return redrive(id, positions);
    };
    const discardDead = state.deadLetters.discard.bind(state);
    state.deadLetters.discard = (id, positions, at) => {
      discarded.push([...positions]);
      // One of the last set was delivered meanwhile.
      return discardDead(id, positions.length === 500 ? positions : positions.slice(1), at);
    };
    await log.append(record(Array.from({ length: 1_200 }, (_, n) => `e${n}`)));
    await state.cursors.begin(ID);
    const cursor = await state.cursors.claim(ID, never);
    const stored = await log.read(SHOP, 0, 1_200, never);
    const dead = stored.map(({ position, event }) => ({ position, event, reason: 'no', attempts: 1, at: START }));
    await cursor.save({ progress: cursor.progress, dead });
    assert.equal((await operations.redriveDead({})).counts, { redriven: 1_200 });
    assert.is((await state.deadLetters.open(ID, { limit: 2_000 })).filter(({ redrive }) => redrive).length, 1_200);
    await cursor.release();
    assert.equal((await operations.discardDead({})).counts, { discarded: 1_199 });
    assert.is((await state.deadLetters.open(ID, { limit: 10 })).length, 1);
    for (const slices of [redriven, discarded]) {
      assert.equal(
        slices.map(({ length }) => length),
        [500, 500, 200],
      );
      assert.equal(
        slices.flat(),
        stored.map(({ position }) => position),
      );
    }
  });
});

describe('ids in quarantine', ({ it }) => {
  it('are their own over all shops, and take one event', async () => {
    const { log, operations } = stage();
    for (const shop of [SHOP, OTHER]) await log.append(record([], { shop, refused: [refusal('a'), refusal('b')] }));
    const { items } = await operations.quarantine({}, { limit: 10 });
    assert.is(new Set(items.map(({ id }) => id)).size, 4);
    const [, second] = items;
    assert.equal((await operations.quarantine({ id: second!.id }, { limit: 10 })).items, [second]);
    assert.equal((await operations.oneQuarantined(second!.id)).event_id, second!.event_id);
    assert.instance(await failureOf(operations.oneQuarantined(second!.id, 'no.myshopify.com')), NotFound);
    assert.equal((await operations.discardQuarantine({ id: second!.id })).counts, { discarded: 1 });
    const left = (await operations.quarantine({}, { limit: 10 })).items.map(({ id }) => id);
    assert.equal(
      left,
      items.filter((item) => item !== second).map(({ id }) => id),
    );
    const [receipt] = await operations.receipts('a', SHOP);
    assert.ok(left.includes(receipt?.quarantine_id ?? ''));
  });

  it('of earlier versions are taken where they name one event, and refused where they do not', async () => {
    const { log, operations } = stage();
    for (const shop of [SHOP, OTHER]) await log.append(record([], { shop, refused: [refusal('a')] }));
    await log.append(record([], { refused: [refusal('b')] }));
    const refused = await failureOf(operations.discardQuarantine({ id: '1' }));
    assert.instance(refused, BadOrder);
    assert.match(refused.message, /^id must name one event, got 1, which 2 shops have \(demo.*, other.*--shop/);
    assert.is((await operations.quarantine({}, { limit: 10 })).items.length, 3, 'nothing is gone');
    assert.is((await operations.oneQuarantined('1', OTHER)).shop, OTHER);
    assert.equal((await operations.discardQuarantine({ id: '2' })).counts, { discarded: 1 });
    assert.equal((await operations.discardQuarantine({ id: '1', shop: OTHER })).counts, { discarded: 1 });
    assert.equal((await operations.discardQuarantine({ id: '1' })).counts, { discarded: 1 });
    assert.equal((await operations.discardQuarantine({ id: '1' })).counts, { discarded: 0 });
    assert.is(idOf({ shop: SHOP, id: '1' }).length, 12);
  });
});

describe('a redrive of quarantined events', ({ it }) => {
  const good = (n: number) => Array.from({ length: n }, (_, i) => refusal(`q${i}`, `["q${i}"]`));

  it('brings sets of events into shared commits, and says what became of them', async () => {
    const { log, operations } = stage();
    await log.append(record(['q1']));
    await log.append(record([], { refused: [...good(250), refusal('bad')] }));
    let under = 0;
    let most = 0;
    const append = log.append.bind(log);
    log.append = async (...given) => {
      most = Math.max(most, ++under);
      await nextTurn();
      const verdicts = await append(...given);
      under -= 1;
      return verdicts;
    };
    const { counts, state, looked } = await operations.redriveQuarantine({});
    assert.equal([counts, state, looked], [{ accepted: 249, duplicate: 1, refused: 1 }, 'done', 251]);
    assert.is(most, 100);
    assert.equal(await log.tally(SHOP), { received: 252, appended: 250, duplicate: 1, quarantined: { x: 1 } });
  });

  it('lets others have their turn between large events, also where all are refused still', async () => {
    const { log, state, operations } = stage();
    await log.append(record([], { refused: Array.from({ length: 40 }, (_, n) => refusal(`e${n}`, LARGE)) }));
    const turns = countTurns();
    const read: number[] = [];
    const at = state.quarantine.at.bind(state);
    state.quarantine.at = (...asked) => {
      read.push(turns.count());
      return at(...asked);
    };
    assert.equal((await operations.redriveQuarantine({})).counts.refused, 40);
    turns.stop();
    assert.ok(new Set(read).size >= 39, `40 events in ${new Set(read).size} turns`);
  });

  it('runs once at a time for a shop, so that no event counts twice', async () => {
    const { log, operations } = stage();
    await log.append(record([], { refused: good(60) }));
    const [one, other] = await Promise.allSettled([
      operations.redriveQuarantine({ shop: SHOP }),
      operations.redriveQuarantine({}),
    ]);
    assert.is(one.status, 'fulfilled');
    assert.ok(other.status === 'rejected' && other.reason instanceof Busy);
    assert.match(
      other.reason.message,
      /^a redrive of quarantined events of demo.* must end first, which is running as j1; follow it or cancel it$/,
    );
    assert.equal(await log.tally(SHOP), { received: 60, appended: 60, duplicate: 0, quarantined: { x: 0 } });
    assert.equal((await operations.redriveQuarantine({})).counts, { accepted: 0, duplicate: 0, refused: 0 });
  });

  it('goes on without its caller, shows how far it is, and can be cancelled', async () => {
    const here = stage();
    const { log, operations, clock } = here;
    await log.append(record([], { refused: good(400) }));
    const append = log.append.bind(log);
    let let1: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      let1 = resolve;
    });
    let appended = 0;
    log.append = async (...given) => {
      if (++appended > 100) await gate;
      return append(...given);
    };
    const asked = operations.redriveQuarantine({ shop: SHOP });
    await until(() => appended === 200);
    await clock.advance(2000);
    const first = await asked;
    assert.equal([first.state, first.counts], ['running', { accepted: 100, duplicate: 0, refused: 0 }]);
    assert.instance(await failureOf(operations.discardQuarantine({ shop: SHOP })), Busy);
    assert.is((await operations.redriveQuarantine({ shop: OTHER })).state, 'done', 'another shop is not held up');
    await operations.cancelJob(first.id);
    let1();
    await until(async () => (await operations.job(first.id)).counts.accepted === 200);
    const last = await ended(here, first.id);
    assert.is(last.state, 'cancelled');
    assert.is((await log.tally(SHOP)).appended, 200);
    assert.equal((await operations.redriveQuarantine({ shop: SHOP })).counts.accepted, 200);
    assert.instance(await failureOf(operations.job('j99')), NotFound);
    assert.instance(await failureOf(operations.cancelJob('j99')), NotFound);
  });

  it('waits out a log that is away, ends as interrupted at a stop, and as failed by what is unexpected', async () => {
    for (const [error, stop, state] of [
      [new LogUnavailable('the database is away'), false, 'done'],
      [new LogUnavailable('the log is closed'), true, 'interrupted'],
      [new Error('secret'), false, 'failed'],
    ] as const) {
      const here = stage();
      const { log, operations, clock, stopping, errors } = here;
      await log.append(record([], { refused: good(3) }));
      const append = log.append.bind(log);
      let failing = 3;
      log.append = (...given) => (failing-- > 0 ? Promise.reject(error) : append(...given));
      const asked = operations.redriveQuarantine({});
      await until(() => failing <= 0);
      if (stop) stopping.abort();
      await clock.advance(1000);
      const job = await ended(here, (await asked).id);
      assert.is(job.state, state);
      assert.is(errors.length, state === 'failed' ? 1 : 0);
      assert.not.match(job.reason ?? '', 'secret');
    }
  });

  it('is taken as interrupted when nothing was heard of it for half a minute', async () => {
    const { operations, state, clock } = stage();
    const now = clock.now();
    const silent = { of: 'quarantine', kind: 'redrive', selection: {}, looked: 0, counts: {} } as const;
    await state.jobs.start({ ...silent, state: 'running', startedAt: now, seenAt: now }, 0);
    const busy = async () => String(await failureOf(operations.redriveQuarantine({})));
    assert.match(await busy(), /must end first, which is running as j1; follow it or cancel it$/);
    await clock.advance(12_000);
    const until = new Date(now + 30_000).toISOString();
    assert.ok(
      (await busy()).endsWith(`nothing was heard of its process for 12 s: if that is gone, order again after ${until}`),
    );
    await clock.advance(18_001);
    assert.is((await operations.job('j1')).state, 'interrupted');
    assert.is((await operations.redriveQuarantine({})).state, 'done');
  });
});
