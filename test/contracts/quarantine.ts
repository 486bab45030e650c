import * as assert from 'uvu/assert';
import type { Refusal } from '../../adapters/dialects/dialect.ts';
import { READ_BYTES } from '../../adapters/logs/log.ts';
import type { Job } from '../../adapters/logs/state/jobs.ts';
import type { Store, StoreOptions } from '../../adapters/logs/store.ts';
import { type Check, never, OTHER, record, SHOP, START, storeOptions } from './log.ts';

const refusal = (id: string, fields: Partial<Refusal> = {}): Refusal => ({
  index: 0,
  id,
  name: 'search',
  code: 'invalid',
  reasons: ['events[0]: no'],
  raw: '{"n":1}',
  ...fields,
});

const LARGE = 'x'.repeat(256 * 1024);
const DAY_MS = 24 * 3_600_000;

const check = (
  promise: string,
  run: (store: Store) => Promise<void>,
  overrides: Partial<StoreOptions> = {},
): Check => ({
  promise,
  run: async (harness) => {
    const store = await harness.open(storeOptions({ quarantineMax: 1000, ...overrides }));
    try {
      await run(store);
    } finally {
      await store.close();
    }
  },
});

const order = (fields: Partial<Job> = {}): Omit<Job, 'id'> => ({
  of: 'quarantine',
  kind: 'redrive',
  shop: SHOP,
  selection: { code: 'invalid' },
  state: 'running',
  startedAt: START,
  seenAt: START,
  looked: 0,
  counts: {},
  ...fields,
});

/** What every log promises of what is in quarantine, and of orders about it. */
export const quarantineChecks: readonly Check[] = [
  check('lists quarantined events without their bodies, whatever was sent', async ({ log, state }) => {
    const long = refusal('e'.repeat(600), {
      name: 'n'.repeat(600),
      reasons: Array.from({ length: 50 }, () => 'r'.repeat(600)),
      raw: `é${LARGE}`,
    });
    const strange = refusal('nul', { raw: '"\u0000"\ud800', index: undefined, name: undefined });
    await log.append(record([], { refused: [refusal('a'), long, strange] }));
    const [first, second, third] = await state.quarantine.heads(SHOP, { limit: 10 });
    assert.ok(first && second && third);
    const { id, ...rest } = first;
    assert.equal(rest, {
      shop: SHOP,
      at: START,
      dialect: 'test',
      code: 'invalid',
      reasons: ['events[0]: no'],
      index: 0,
      eventId: 'a',
      name: 'search',
      bytes: 7,
      beginning: '{"n":1}',
    });
    assert.is(second.bytes, LARGE.length + 2);
    assert.is(second.beginning, `é${'x'.repeat(199)}`);
    assert.ok(JSON.stringify(second).length < 5000, 'a head is small');
    assert.is(second.reasons.at(-1), 'and 40 more');
    assert.is(third.eventId, 'nul');
    assert.is((await state.quarantine.at(SHOP, third.id))?.raw, '"\u0000"\ud800');
    assert.equal(
      (await state.quarantine.heads(SHOP, { limit: 1, after: id })).map((head) => head.id),
      [second.id],
    );
    assert.equal(await state.quarantine.heads(OTHER, { limit: 10 }), []);
  }),
  check('gives one quarantined event whole, by its id and in its shop only', async ({ log, state }) => {
    await log.append(record([], { refused: [refusal('a', { raw: LARGE })] }));
    const [head] = await state.quarantine.heads(SHOP, { limit: 1 });
    const whole = await state.quarantine.at(SHOP, head!.id);
    assert.is(whole?.raw, LARGE);
    assert.is(whole?.context.shop, SHOP);
    assert.is(await state.quarantine.at(OTHER, head!.id), undefined);
    for (const wrong of ['0', '-1', 'x', '99999999999999999999', '1.5', ''])
      assert.is(await state.quarantine.at(SHOP, wrong), undefined, wrong);
  }),
  check('ends a page of whole quarantined events at a megabyte', async ({ log, state }) => {
    for (let n = 0; n < 3; n++)
      await log.append(record([], { refused: ['a', 'b', 'c'].map((id) => refusal(`${id}${n}`, { raw: LARGE })) }));
    const seen: string[] = [];
    for (let after = '0'; ; ) {
      const page = await state.quarantine.page(SHOP, { limit: 100, after });
      if (page.length === 0) break;
      assert.ok(page.slice(0, -1).reduce((sum, { raw }) => sum + raw.length, 0) < READ_BYTES);
      seen.push(...page.map(({ eventId }) => eventId ?? ''));
      after = page.at(-1)!.id;
    }
    assert.is(seen.length, 9);
    assert.is(new Set(seen).size, 9);
  }),
  check('ends a page of dead letters at a megabyte, and gives all in the end', async ({ log, state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(id);
    const cursor = await state.cursors.claim(id, never);
    await log.append(record(Array.from({ length: 12 }, (_, n) => `d${n}`)));
    const stored = await log.read(SHOP, 0, 12, never);
    const dead = stored.map(({ position, event }) => ({ position, event, reason: LARGE, attempts: 1, at: START }));
    await cursor.save({ progress: cursor.progress, dead });
    await state.deadLetters.discard(id, [1, 2, 3, 4, 5], START);
    const seen: number[] = [];
    for (let after = '0'; ; ) {
      const page = await state.deadLetters.open(id, { limit: 100, after });
      if (page.length === 0) break;
      assert.ok(page.slice(0, -1).reduce((sum, { reason }) => sum + reason.length, 0) < READ_BYTES);
      seen.push(...page.map(({ position }) => position));
      after = String(page.at(-1)?.position);
    }
    assert.equal(seen, [6, 7, 8, 9, 10, 11, 12]);
  }),
  check("finds quarantined events by their event's id, and only those", async ({ log, state }) => {
    const refused = Array.from({ length: 50 }, (_, n) => refusal(`e${n % 10}`));
    await log.append(record([], { refused }));
    await log.append(record([], { shop: OTHER, refused: [refusal('e3')] }));
    const about = await state.quarantine.about(SHOP, 'e3', { limit: 10 });
    assert.is(about.length, 5);
    assert.ok(about.every(({ eventId }) => eventId === 'e3'));
    assert.is((await state.quarantine.about(SHOP, 'e3', { limit: 2 })).length, 2);
    assert.equal(await state.quarantine.about(SHOP, 'e3', { limit: 2, after: about[2]!.id }), about.slice(3));
    assert.equal(await state.quarantine.about(SHOP, 'unknown', { limit: 10 }), []);
    assert.is(await state.quarantine.discard(SHOP, [about[0]!.id]), 1);
    await log.append({ ...record(['e3']), released: [about[1]!] });
    assert.is((await state.quarantine.about(SHOP, 'e3', { limit: 10 })).length, 3);
  }),
  check('says how many a discard has taken, each once', async ({ log, state }) => {
    await log.append(record([], { refused: [refusal('a'), refusal('b'), refusal('c')] }));
    const ids = (await state.quarantine.heads(SHOP, { limit: 10 })).map(({ id }) => id);
    const [one, other] = await Promise.all([
      state.quarantine.discard(SHOP, ids.slice(0, 2)),
      state.quarantine.discard(SHOP, ids),
    ]);
    assert.is(one + other, 3);
    assert.is(await state.quarantine.discard(SHOP, [...ids, 'x', '7']), 0);
    const nothing = { kept: 0, bytes: 0, dropped: { count: 0, bytes: 0, age: 0 } };
    assert.equal(await state.quarantine.sums([OTHER, SHOP]), [nothing, nothing]);
  }),
  check(
    'lets the oldest quarantined events go past their number, and counts them',
    async ({ log, state }) => {
      await log.append(record([], { refused: ['a', 'b', 'c', 'd', 'e'].map((id) => refusal(id)) }));
      assert.equal(
        (await state.quarantine.heads(SHOP, { limit: 10 })).map(({ eventId }) => eventId),
        ['d', 'e'],
      );
      assert.equal((await state.quarantine.sums([SHOP]))[0], {
        kept: 2,
        bytes: 14,
        dropped: { count: 3, bytes: 0, age: 0 },
      });
      assert.equal(await state.quarantine.about(SHOP, 'a', { limit: 10 }), []);
    },
    { quarantineMax: 2 },
  ),
  check(
    'lets the oldest quarantined events go past their bytes, and counts them',
    async ({ log, state }) => {
      await log.append(record([], { refused: ['a', 'b', 'c'].map((id) => refusal(id, { raw: LARGE })) }));
      await state.quarantine.limit([OTHER, SHOP]);
      const [sums] = await state.quarantine.sums([SHOP]);
      const { kept, bytes, dropped } = sums!;
      assert.equal([kept, bytes, dropped], [2, 2 * LARGE.length, { count: 0, bytes: 1, age: 0 }]);
    },
    { quarantineMaxBytes: 2 * LARGE.length },
  ),
  {
    promise: 'lets old quarantined events go, and counts them',
    run: async (harness) => {
      let now = START;
      const store = await harness.open(storeOptions({ quarantineMax: 1000, quarantineMs: DAY_MS, now: () => now }));
      try {
        await store.log.append(record([], { at: START, refused: [refusal('a')] }));
        await store.log.append(record([], { at: START + DAY_MS / 2, refused: [refusal('b')] }));
        now = START + DAY_MS + 1;
        await store.state.quarantine.limit([OTHER, SHOP]);
        assert.equal(
          (await store.state.quarantine.heads(SHOP, { limit: 10 })).map(({ eventId }) => eventId),
          ['b'],
        );
        assert.is((await store.state.quarantine.sums([SHOP]))[0]?.dropped.age, 1);
      } finally {
        await store.close();
      }
    },
  },
  {
    promise: 'never gives an id in quarantine twice, also after all have left and the log was opened again',
    run: async (harness) => {
      if (!harness.durable) return;
      const given = new Set<string>();
      for (let n = 0; n < 3; n++) {
        const { log, state, close } = await harness.open(storeOptions(), n > 0);
        await log.append(record([], { refused: [refusal('a'), refusal('b')] }));
        const heads = await state.quarantine.heads(SHOP, { limit: 10 });
        for (const { id } of heads) assert.not(given.has(id), `${id} was given before`);
        for (const { id } of heads) given.add(id);
        await state.quarantine.discard(
          SHOP,
          heads.map(({ id }) => id),
        );
        assert.equal(await state.quarantine.heads(SHOP, { limit: 10 }), []);
        await close();
      }
      assert.is(given.size, 6);
    },
  },
  check('has one job about the same at a time, unless it has been silent', async ({ state }) => {
    const first = await state.jobs.start(order(), START - 1);
    assert.ok(first.started);
    assert.equal(await state.jobs.start(order({ shop: undefined }), START - 1), { job: first.job, started: false });
    assert.not((await state.jobs.start(order({ kind: 'discard' }), START)).started);
    const elsewhere = await state.jobs.start(order({ shop: OTHER }), START - 1);
    const dead = await state.jobs.start(order({ of: 'dead' }), START - 1);
    assert.ok(elsewhere.started && dead.started);
    assert.is(new Set([first, elsewhere, dead].map(({ job }) => job.id)).size, 3);
    assert.ok((await state.jobs.start(order(), START + 1)).started, 'the first is taken for gone');
    await state.jobs.save({ ...elsewhere.job, state: 'done' });
    assert.ok((await state.jobs.start(order({ shop: OTHER }), START - 1)).started);
  }),
  check('keeps how far a job has come, and a cancel whatever is saved later', async ({ state }) => {
    const { job } = await state.jobs.start(order(), START);
    const on = { ...job, looked: 20, seenAt: START + 1, counts: { accepted: 3 } };
    assert.equal(await state.jobs.save(on), on);
    assert.equal(await state.jobs.all(), [on]);
    await state.jobs.save({ ...on, state: 'cancelled' });
    const late = await state.jobs.save({ ...on, looked: 40 });
    assert.equal(late, { ...on, looked: 40, state: 'cancelled' });
    assert.equal(await state.jobs.all(), [late]);
    assert.ok((await state.jobs.start(order(), START)).started, 'it is not in the way any more');
    assert.is((await state.jobs.all()).length, 2);
  }),
  check('forgets ended jobs past the last hundred', async ({ state }) => {
    for (let n = 0; n < 103; n++) {
      const { job } = await state.jobs.start(order(), START);
      await state.jobs.save({ ...job, state: 'done' });
    }
    const { job } = await state.jobs.start(order(), START);
    const jobs = await state.jobs.all();
    assert.is(jobs.length, 101);
    assert.is(jobs[0]?.id, job.id);
  }),
];
