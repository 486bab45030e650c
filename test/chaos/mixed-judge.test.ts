import * as assert from 'uvu/assert';
import type { Balance } from '../../schemas/admin-api/balance.ts';
import type { PipelineReceipt, Receipt } from '../../schemas/admin-api/receipts.ts';
import { describe } from '../support/describe.ts';
import { complaints, pipelinesBalance, type SinkLedger, sinkLedger } from './mixed-judge.ts';
import type { Answer } from './mixed-load.ts';
import { lanes, type Plan, type Planned, requestsOf, targets } from './mixed-plan.ts';
import { shopsBalance, toldBy } from './mixed-tally.ts';
import type { Arrival } from './sink.ts';
import { destinationOf } from './targets.ts';

const plan: Plan = { run: 'm', seed: 1, events: 4000 };

/** The answers of a run in which nothing went wrong. */
const answers = (): Answer[] =>
  Array.from({ length: lanes }, (_, index) => [...requestsOf(plan, index)])
    .flat()
    .map(({ lane, number, order, fresh, refused, repeats }) => {
      const alone = order.path !== '/beacon' && refused.length > 0;
      const status = order.path === '/beacon' ? 201 : alone ? 400 : 200;
      const counts = { accepted: fresh.length, duplicate: repeats, rejected: refused.length };
      return { kind: 'answered', lane, number, status, ...counts };
    });

const told = toldBy(plan, answers());
const own = ({ shop }: Planned) => targets.filter((target) => target.shop === shop);

/** What the sinks of such a run wrote down. */
const arrivals: Arrival[] = told.events
  .filter(({ refused }) => refused === undefined)
  .flatMap((event) =>
    own(event)
      .filter(({ filters }) => filters(event) === undefined)
      .map((target) => {
        const destination = destinationOf(target);
        const dead = event.marked && target.manners.marked;
        return dead ? { destination, rejected: event.id } : { ...event, destination, at: 0 };
      }),
  );
const sinks = sinkLedger(arrivals);

/** The receipts that such an event must have. */
function receiptsOf(event: Planned): Receipt[] {
  const { id: event_id, shop, type, dialect } = event;
  const common = { event_id, shop, type, dialect, received_at: '' };
  if (event.refused) return [{ ...common, state: 'quarantined', reasons: ['not so'] }];
  return [{ ...common, state: 'stored', pipelines: own(event).map((target) => receiptOf(event, target)) }];
}

function receiptOf(event: Planned, { pipeline, filters, manners }: (typeof targets)[number]): PipelineReceipt {
  const reason = filters(event);
  if (reason !== undefined) return { pipeline, state: 'filtered', reason };
  if (!event.marked || !manners.marked) return { pipeline, state: 'delivered' };
  return { pipeline, state: 'dead', at: '', attempts: 1, reason: 'HTTP 422: no', redriving: false };
}

/** An event with a receipt of this state, and its receipts. */
function withState(state: PipelineReceipt['state']): [Planned, Receipt[]] {
  const event = told.events.find((one) => receiptsOf(one)[0]?.pipelines?.some((pipeline) => pipeline.state === state));
  assert.ok(event, `no event of the plan is ${state}`);
  return [event, receiptsOf(event)];
}

const changed = (receipts: readonly Receipt[], from: string, to: object): Receipt[] =>
  receipts.map((receipt) => ({
    ...receipt,
    pipelines: (receipt.pipelines ?? []).map((one) =>
      one.state === from ? ({ ...one, ...to } as PipelineReceipt) : one,
    ),
  }));

const without = (id: string): SinkLedger => sinkLedger(arrivals.filter((one) => !('id' in one) || one.id !== id));

/** The books that such a run must end with. */
function books(): Balance {
  const shops = [...told.shops].map(([shop, { appended, received, duplicate, quarantined }]) => ({
    shop,
    received: received.least,
    appended,
    duplicate: duplicate.least,
    quarantined: Object.fromEntries(Object.entries(quarantined).map(([code, { least }]) => [code, least])),
    difference: 0,
  }));
  const pipelines = targets.map(({ shop, pipeline }) => {
    const states = told.events
      .filter((event) => event.shop === shop && event.refused === undefined)
      .map((event) => receiptsOf(event)[0]?.pipelines?.find((one) => one.pipeline === pipeline));
    const filtered: Record<string, number> = {};
    for (const one of states) if (one?.state === 'filtered') filtered[one.reason] = (filtered[one.reason] ?? 0) + 1;
    const count = (state: string) => states.filter((one) => one?.state === state).length;
    const counts = { appended: states.length, delivered: count('delivered'), dead: count('dead') };
    return { shop, pipeline, ...counts, filtered, dropped: {}, pending: 0, difference: 0 };
  });
  return { balanced: true, shops, pipelines };
}

describe('the judge of mixed runs', ({ it }) => {
  it('has nothing to say of a faultless run', () => {
    assert.equal(told.wrong, []);
    assert.is(told.events.length, plan.events);
    assert.equal(
      told.events.flatMap((event) => complaints(event, receiptsOf(event), sinks)),
      [],
    );
    assert.equal(shopsBalance(told, books()).examples, []);
    assert.equal(pipelinesBalance(told.events, books(), sinks).examples, []);
  });

  it('sees a receipt that says delivered of an event that never came', () => {
    const [event, receipts] = withState('delivered');
    assert.is(complaints(event, receipts, without(event.id)).length > 0, true);
  });

  it('sees a receipt that says otherwise of an event that came', () => {
    const [event, receipts] = withState('delivered');
    for (const state of ['pending', 'dead', 'filtered', 'dropped', 'suspended', 'before'])
      assert.ok(complaints(event, changed(receipts, 'delivered', { state }), sinks).length > 0, state);
  });

  it('sees a dead letter that was never rejected, and one that was and is said to be delivered', () => {
    const [event, receipts] = withState('dead');
    assert.ok(complaints(event, receipts, sinkLedger([])).length > 0);
    assert.ok(complaints(event, changed(receipts, 'dead', { state: 'delivered' }), sinks).length > 0);
    assert.ok(complaints(event, changed(receipts, 'dead', { reason: 'HTTP 500' }), sinks).length > 0);
  });

  it('sees a filter with the wrong reason, and an event that came in spite of its filter', () => {
    const [event, receipts] = withState('filtered');
    assert.ok(complaints(event, changed(receipts, 'filtered', { reason: 'channel' }), sinks).length > 0);
    const came = own(event).map((target): Arrival => ({ ...event, destination: destinationOf(target), at: 0 }));
    const delivered = changed(receipts, 'filtered', { state: 'delivered' });
    assert.ok(complaints(event, delivered, sinkLedger([...arrivals, ...came])).length > 0);
  });

  it('sees a refused event without its receipt, and a stored one with none, two, or one of another shop', () => {
    const refused = told.events.find((event) => event.refused !== undefined);
    assert.ok(refused && complaints(refused, [], sinks).length > 0);
    const [event, receipts] = withState('delivered');
    assert.ok(complaints(refused, receiptsOf(event), sinks).length > 0);
    assert.ok(complaints(event, [], sinks).length > 0);
    assert.ok(complaints(event, [...receipts, ...receipts], sinks).length > 0);
    assert.ok(
      complaints(
        event,
        receipts.map((one) => ({ ...one, shop: 'other' })),
        sinks,
      ).length > 0,
    );
  });

  it('sees any count that is off by one', () => {
    for (const name of ['received', 'appended', 'duplicate', 'difference'] as const) {
      const { shops, ...rest } = books();
      const [first, ...others] = shops;
      assert.ok(first);
      assert.not(
        shopsBalance(told, { ...rest, shops: [{ ...first, [name]: first[name] + 1 }, ...others] }).passed,
        name,
      );
    }
    for (const name of ['appended', 'delivered', 'dead', 'pending', 'difference'] as const) {
      const { pipelines, ...rest } = books();
      const [first, ...others] = pipelines;
      assert.ok(first);
      const off = { ...rest, pipelines: [{ ...first, [name]: first[name] + 1 }, ...others] };
      assert.not(pipelinesBalance(told.events, off, sinks).passed, name);
    }
  });

  it('sees an answer that cannot be true, and a request without one', () => {
    const [first, ...rest] = answers();
    assert.ok(first?.kind === 'answered');
    assert.is(toldBy(plan, rest).wrong.length, 1);
    assert.is(toldBy(plan, [{ ...first, accepted: first.accepted + 1 }, ...rest]).wrong.length, 1);
  });

  it('allows for a request that was stored and not answered: exactly where its repeat tells, within bounds elsewhere', () => {
    const all = answers();
    const first = all.find((answer) => answer.kind === 'answered' && answer.accepted > 0);
    assert.ok(first?.kind === 'answered');
    const { lane, number, accepted, duplicate, rejected } = first;
    const lost: Answer = { kind: 'unknown', lane, number, why: 'reset' };
    const shop = told.events.find((event) => event.lane === lane)?.shop ?? '';
    const before = told.shops.get(shop);
    const notStored = toldBy(plan, [lost, ...all]).shops.get(shop);
    assert.equal(notStored, before);
    const again: Answer = { ...first, accepted: 0, duplicate: accepted + duplicate };
    const stored = toldBy(plan, [lost, ...all.map((answer) => (answer === first ? again : answer))]).shops.get(shop);
    const size = accepted + duplicate + rejected;
    assert.is(stored?.received.least, (before?.received.least ?? 0) + size);
    assert.is(stored?.received.most, stored?.received.least);
    assert.is(stored?.duplicate.least, (before?.duplicate.least ?? 0) + accepted + duplicate);
  });
});
