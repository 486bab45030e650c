import * as assert from 'uvu/assert';
import type { PipelineReceipt, Receipt } from '../../../schemas/admin-api/receipts.ts';
import { describe } from '../../support/describe.ts';
import type { Delivery, Fault, Final, History, Order, Sent } from './history.ts';
import { judge } from './judge.ts';
import { PIPELINES } from './plan.ts';

const shop = 'two.myshopify.com';
const T = 1_700_000_000_000;
const mine = PIPELINES.filter((ref) => ref.shop === shop);

interface Planted {
  readonly history: History;
  readonly final: Final;
}

/** Two events of one shop, each taken once by both of its pipelines; one more that was refused and let out again. */
function sound(): Planted {
  const events = ['e1', 'e2', 'c1'];
  const sent = new Map(
    events.map((id): [string, Sent] => [id, { id, shop, isCart: false, isCustom: id === 'c1', at: T, ackedAt: T + 5 }]),
  );
  const deliveries = mine.flatMap(({ pipeline }) => events.map((id) => delivery({ pipeline, ids: [id] })));
  const addresses = Object.fromEntries(mine.map(({ pipeline }) => [`${shop}/${pipeline}`, `/${shop}/${pipeline}/0`]));
  const pipelines = mine.map(({ pipeline }): PipelineReceipt => ({ pipeline, state: 'delivered' }));
  const balances = PIPELINES.map((ref) => {
    const count = ref.shop === shop ? 3 : 0;
    return { ...ref, appended: count, delivered: count, dead: 0, filtered: {}, dropped: {}, pending: 0, difference: 0 };
  });
  return {
    history: {
      sent,
      deliveries,
      orders: [],
      faults: [],
      configured: [{ addresses, isNarrow: false, writtenAt: T, confirmedAt: T }],
    },
    final: {
      lettersBefore: [],
      lettersAt: T + 5000,
      balance: {
        balanced: true,
        shops: [{ shop, received: 3, appended: 3, duplicate: 0, quarantined: { unknown_type: 0 }, difference: 0 }],
        pipelines: balances,
      },
      pipelines: [],
      dead: [],
      quarantine: [],
      replays: [],
      receipts: new Map(
        events.map((id) => [
          `${shop}#${id}`,
          [{ event_id: id, shop, state: 'stored', pipelines } as unknown as Receipt],
        ]),
      ),
    },
  };
}

const delivery = (more: Partial<Delivery>): Delivery => ({
  number: 1,
  address: `/${shop}/${more.pipeline}/0`,
  shop,
  pipeline: 'hook',
  webhookId: `id of ${more.ids}`,
  ids: [],
  begunAt: T + 100,
  endedAt: T + 110,
  answer: 200,
  whole: true,
  ...more,
});

const order = (kind: Order['kind'], input: object, more: Partial<Order> = {}): Order => ({
  kind,
  input: { ...input },
  by: 'api',
  begunAt: T + 50,
  endedAt: T + 60,
  result: 'done',
  ...more,
});

const fault = (kind: Fault['kind'], more: Partial<Fault> = {}): Fault => ({
  kind,
  process: 'gateway',
  delivers: true,
  from: T + 1000,
  to: T + 1100,
  ...(kind === 'stop' && { exit: 0 }),
  ...more,
});

const failures = ({ history, final }: Planted): string[] =>
  judge(history, final).flatMap(({ name, passed }) => (passed ? [] : [name]));

function after(plant: (planted: Planted) => void): string[] {
  const planted = sound();
  plant(planted);
  return failures(planted);
}

const receiptOf = ({ final }: Planted, id: string, pipeline: string, said: object): void => {
  const [receipt] = final.receipts.get(`${shop}#${id}`) ?? [];
  const pipelines = receipt?.pipelines?.map((one) => (one.pipeline === pipeline ? { pipeline, ...said } : one));
  (final.receipts as Map<string, unknown>).set(`${shop}#${id}`, [{ ...receipt, pipelines }]);
};

/** An event that its destination has not taken. */
const withhold = ({ history }: Planted, id: string, pipeline: string): void => {
  const at = history.deliveries.findIndex((one) => one.pipeline === pipeline && one.ids.includes(id));
  history.deliveries.splice(at, 1);
};

const book = ({ final }: Planted, pipeline: string, counts: object): void => {
  const found = final.balance.pipelines.find((one) => one.shop === shop && one.pipeline === pipeline);
  Object.assign(found ?? {}, counts);
};

describe('what operators and receivers know, compared', ({ it }) => {
  it('finds nothing where all is well', () => assert.equal(failures(sound()), []));

  it('sees an event that no destination has taken, also one that was let out of quarantine', () => {
    for (const id of ['e1', 'c1'])
      assert.equal(
        after((planted) => withhold(planted, id, 'hook')),
        ['LOST', 'COUNTS', 'RECEIPTS'],
      );
  });

  it('sees what was never sent, and what another shop gets', () => {
    assert.equal(
      after(({ history }) => history.deliveries.push(delivery({ pipeline: 'hook', ids: ['e9'] }))),
      ['PHANTOM', 'COUNTS'],
    );
    const there = { shop: 'one.myshopify.com', address: '/one.myshopify.com/hook/0', ids: ['e1'] };
    assert.ok(after(({ history }) => history.deliveries.push(delivery(there))).includes('PHANTOM'));
  });

  it('tells a repeat after an orderly stop from one after a crash', () => {
    const again = delivery({ pipeline: 'hook', ids: ['e1'], begunAt: T + 2000, endedAt: T + 2010 });
    const repeated = (kind: Fault['kind'], delivers: boolean, webhookId = again.webhookId) =>
      after(({ history }) => {
        history.faults.push(fault(kind, { delivers }));
        history.deliveries.push({ ...again, webhookId });
      });
    assert.equal(repeated('stop', true), ['REPEATED']);
    assert.equal(repeated('kill', false), ['REPEATED']);
    assert.equal(repeated('kill', true), []);
    assert.equal(repeated('pause', true), []);
  });

  it('lets what was under way at an orderly stop, or at an order for its pipeline, come again under the same id', () => {
    const again = (plant: (history: History) => void, webhookId = 'id of e1') =>
      after(({ history }) => {
        plant(history);
        history.deliveries.push(delivery({ pipeline: 'hook', ids: ['e1'], begunAt: T + 2000, webhookId }));
      });
    const stop = (at: number) => (history: History) => history.faults.push(fault('stop', { from: T + at, to: T + at }));
    const orders = (pipeline: string) => (history: History) =>
      history.orders.push(order('suspend', { shop, pipeline }, { begunAt: T + 105, endedAt: T + 108, result: 'cut' }));
    assert.equal(again(stop(105)), []);
    assert.equal(again(stop(105), 'another'), ['RENAMED']);
    assert.equal(again(stop(300)), ['REPEATED']);
    assert.equal(again(orders('hook')), []);
    assert.equal(again(orders('moody')), ['REPEATED']);
  });

  it('lets what an orderly stop cut off come again, under the same id', () => {
    const cut = (webhookId: string) =>
      after(({ history }) => {
        const [first] = history.deliveries;
        if (first) first.whole = false;
        const ids = first?.ids ?? [];
        history.deliveries.push(delivery({ pipeline: 'hook', ids, begunAt: T + 2000, webhookId }));
      });
    assert.equal(cut('id of e1'), []);
    assert.equal(cut('another'), ['RENAMED']);
  });

  it('lets a batch have another id where a narrower filter leaves out some of it', () => {
    const cut = (narrows: boolean) =>
      after(({ history }) => {
        const there = { shop: 'one.myshopify.com', pipeline: 'choosy', address: '/one.myshopify.com/choosy/0' };
        history.configured.push({ addresses: {}, isNarrow: narrows, writtenAt: T + 105, confirmedAt: T + 108 });
        history.deliveries.push(delivery({ ...there, ids: ['e1', 'e2'], whole: false }));
        history.deliveries.push(delivery({ ...there, ids: ['e1'], begunAt: T + 2000 }));
      }).includes('RENAMED');
    assert.equal([cut(false), cut(true)], [true, false]);
  });

  it('sees an address that a configuration took away, once that is followed', () => {
    const late = (begunAt: number) =>
      after(({ history }) => {
        history.configured.push({ addresses: {}, isNarrow: false, writtenAt: T + 1000, confirmedAt: T + 1500 });
        history.deliveries.push(delivery({ pipeline: 'hook-r1', address: `/${shop}/hook/0`, ids: ['e1'], begunAt }));
      });
    assert.equal(late(T + 1400), []);
    assert.equal(late(T + 1800), ['STALE']);
  });

  it('sees what a suspended pipeline sends, and not what it sends once it may go on', () => {
    const suspended = (...more: Order[]) =>
      after(({ history }) => {
        history.orders.push(order('suspend', { shop, pipeline: 'hook' }), ...more);
        const refused = { answer: 500, begunAt: T + 3000, endedAt: T + 3010 } as const;
        history.deliveries.push(delivery({ pipeline: 'hook', ids: ['e1'], ...refused }));
        for (const one of history.deliveries.slice(0, -1)) Object.assign(one, { begunAt: T, endedAt: T + 1 });
      });
    assert.equal(suspended(), ['SUSPENDED']);
    const resumed = { begunAt: T + 2000, endedAt: T + 2010 };
    assert.equal(suspended(order('resume', { shop, pipeline: 'hook' }, resumed)), []);
    assert.equal(suspended(order('resume', { shop, pipeline: 'hook' }, { ...resumed, result: 'cut' })), []);
    assert.equal(suspended(order('resume', { shop, pipeline: 'moody' }, resumed)), ['SUSPENDED']);
  });

  it('sees a letter that is sent, or delivered, after its discard was confirmed', () => {
    const letter = { shop, pipeline: 'moody', event_id: 'e1' };
    const discarded = (more: Partial<Delivery> | undefined, said: object) =>
      after((planted) => {
        withhold(planted, 'e1', 'moody');
        book(planted, 'moody', { delivered: 2, dead: 1 });
        planted.history.orders.push(order('discard', letter, { answer: { discarded: 1 } }));
        receiptOf(planted, 'e1', 'moody', said);
        if (more) planted.history.deliveries.push(delivery({ pipeline: 'moody', ids: ['e1'], ...more }));
      });
    const gone = { state: 'dropped', reason: `discarded at ${new Date(T + 60).toISOString()}: HTTP 400` };
    assert.equal(discarded(undefined, gone), []);
    assert.equal(discarded({ answer: 400, begunAt: T + 40 }, gone), []);
    assert.equal(discarded({ answer: 400, begunAt: T + 900 }, gone), ['DISCARDED']);
    assert.ok(discarded({ begunAt: T + 900 }, { state: 'delivered' }).includes('DISCARDED'));
    assert.ok(discarded(undefined, { state: 'dead' }).includes('DISCARDED'));
  });

  it('wants a letter that is handed over once more to be tried until that is settled', () => {
    const redriven = (...answers: (200 | 400 | 500 | 'late')[]) =>
      after(({ history, final }) => {
        const letters = [`${shop}/moody#e1`];
        (final as { lettersBefore: readonly string[] }).lettersBefore = letters;
        history.orders.push(order('redrive', { shop, pipeline: 'moody' }, { letters, answer: { redriven: 1 } }));
        for (const one of history.deliveries) if (one.pipeline === 'moody') one.endedAt = T;
        for (const said of answers) {
          const answer = said === 'late' ? 400 : said;
          const begunAt = T + (said === 'late' ? 6000 : 200);
          history.deliveries.push(delivery({ pipeline: 'moody', ids: ['e1'], answer, begunAt, endedAt: begunAt + 10 }));
        }
      });
    assert.equal(redriven(), ['REDRIVEN']);
    assert.equal(redriven(500), ['REDRIVEN']);
    // The last redrive, which is for all that is left, is no answer to the first.
    assert.equal(redriven(500, 'late'), ['REDRIVEN']);
    assert.equal(redriven(400), []);
    assert.equal(redriven(500, 500, 500, 500, 500), []);
  });

  it('counts replays, and what they count', () => {
    const job = { id: 'r1', shop, pipeline: 'hook', state: 'done', from: 1, to: 2, delivered: 1, dead: 1, filtered: 0 };
    const replayed = (changes: object, ids: readonly string[] = ['e1']) =>
      after(({ history, final }) => {
        history.orders.push(order('replay', { shop, pipeline: 'hook' }, { answer: { job: { id: 'r1' } } }));
        if ('id' in changes) Object.assign(history.orders[0] ?? {}, { result: 'refused' });
        (final as { replays: readonly unknown[] }).replays = [{ ...job, ...changes }];
        history.deliveries.push(delivery({ pipeline: 'hook-r1', address: `/${shop}/hook/0`, ids: [...ids] }));
      });
    assert.equal(replayed({}), []);
    for (const wrong of [
      { state: 'running' },
      { state: 'cancelled' },
      { to: 3 },
      { delivered: 2, dead: 0 },
      { id: 'r2' },
    ])
      assert.equal(replayed(wrong), ['REPLAYS'], JSON.stringify(wrong));
    assert.equal(replayed({}, ['e1', 'e2', 'c1']), ['REPLAYS']);
  });

  it('sees what a cancelled replay sends', () => {
    const late = (begunAt: number) =>
      after(({ history }) => {
        history.orders.push(order('cancel', { shop, pipeline: 'hook-r1', id: 'r1' }));
        history.deliveries.push(delivery({ pipeline: 'hook-r1', address: `/${shop}/hook/0`, ids: ['e1'], begunAt }));
      });
    assert.equal(late(T + 300), []);
    assert.equal(late(T + 3000), ['CANCELLED']);
  });

  it('wants what was refused on the log, or let go, and once', () => {
    const nowhere = (orders: readonly Order[], count: number) =>
      after(({ history, final }) => {
        history.orders.push(...orders);
        (final.receipts as Map<string, unknown>).set(`${shop}#c1`, []);
        const [books] = final.balance.shops;
        Object.assign(books ?? {}, { appended: 2, quarantined: { unknown_type: count } });
      }).includes('QUARANTINE');
    const letGo = order('discard quarantine', { shop, event_id: 'c1' }, { answer: { discarded: 1 } });
    assert.ok(nowhere([], 0));
    assert.not(nowhere([letGo], 1));
    assert.ok(nowhere([letGo], -1));
    const redrive = order('redrive quarantine', {}, { answer: { accepted: 1 } });
    assert.equal(
      after(({ history }) => history.orders.push(redrive)),
      [],
    );
    assert.equal(
      after(({ history }) => history.orders.push(redrive, redrive)),
      ['QUARANTINE'],
    );
  });

  it('sees books that are wrong, and a pipeline that is in none', () => {
    assert.equal(
      after((planted) => book(planted, 'hook', { delivered: 2 })),
      ['COUNTS'],
    );
    assert.equal(
      after((planted) => book(planted, 'hook', { pending: 1 })),
      ['BALANCE'],
    );
    assert.equal(
      after(({ final }) => Object.assign(final.balance, { pipelines: final.balance.pipelines.slice(1) })),
      ['COUNTS'],
    );
    assert.equal(
      after(({ final }) => Object.assign(final.balance.shops[0] ?? {}, { appended: 4 })),
      ['BALANCE'],
    );
  });

  it('sees a receipt that denies what was taken, or claims what was not', () => {
    const said = (about: object) => after((planted) => receiptOf(planted, 'e1', 'hook', about));
    assert.equal(said({ state: 'filtered', reason: 'type' }), ['RECEIPTS']);
    assert.equal(said({ state: 'pending', behind: 0 }), ['RECEIPTS']);
  });

  it('sees a stop that is none, and a configuration that nobody follows', () => {
    for (const more of [{ exit: 1 }, { to: T + 60_000 }])
      assert.equal(
        after(({ history }) => history.faults.push(fault('stop', more))),
        ['STOPS'],
      );
    assert.equal(
      after(({ history }) => history.orders.push(order('reload', {}, { result: 'cut' }))),
      ['FOLLOWED'],
    );
  });
});
