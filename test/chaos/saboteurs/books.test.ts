import * as assert from 'uvu/assert';
import type { Balance } from '../../../schemas/admin-api/balance.ts';
import type { QuarantinedHeadView } from '../../../schemas/admin-api/quarantine.ts';
import { describe } from '../../support/describe.ts';
import type { Arrival } from '../sink.ts';
import { destinationOf } from '../targets.ts';
import { booksOf, delivered, quarantineOf } from './books-judge.ts';
import { planOf } from './books-plan.ts';

describe('the books of two shops with the same ids', ({ it }) => {
  const plans = [planOf('one.myshopify.com', 1), planOf('two.myshopify.com', 2)] as const;
  const [one, two] = plans;
  // 40 requests of 5, 8 of them twice, and 10 once more, 2 of which had been sent twice; every eighth brings an invalid event.
  const counts = { received: 290 + 8, appended: 200, duplicate: 90, quarantined: { unknown_type: 8 } };
  const balanceOf = (changes: object = {}): Balance =>
    ({
      balanced: true,
      shops: plans.map(({ shop }) => ({ shop, ...counts, difference: 0, ...changes })),
      pipelines: plans.map(({ shop, pipeline }) => ({ shop, pipeline, delivered: 200 })),
    }) as unknown as Balance;
  const arrivals = plans.flatMap((plan): Arrival[] =>
    [...new Map(plan.first.flatMap(({ marks }) => marks.map((mark) => [mark.id, mark]))).values()].map((mark) => ({
      ...mark,
      destination: destinationOf(plan),
      at: 0,
    })),
  );
  const kept = plans.flatMap(({ shop, first, late }) =>
    [...first, ...late].flatMap(({ invalid }) =>
      invalid.map((event_id) => ({ shop, event_id }) as QuarantinedHeadView),
    ),
  );
  const failures = (all: readonly Arrival[]) =>
    plans.flatMap((plan) => delivered(plan, all).flatMap(({ name, passed }) => (passed ? [] : [name])));

  it('finds nothing where all is well', () => {
    assert.equal(failures(arrivals), []);
    assert.equal(booksOf(plans, balanceOf()).examples, []);
    assert.equal(quarantineOf(plans, kept).examples, []);
  });

  it("misses an event that another shop's was taken for", () => {
    const [first, ...rest] = arrivals.filter(({ destination }) => destination === destinationOf(two));
    assert.ok(first);
    const ones = arrivals.filter(({ destination }) => destination === destinationOf(one));
    assert.equal(failures([...ones, ...rest]), ['LOST']);
    assert.equal(failures([...arrivals, first]), ['DUPLICATE']);
  });

  it('sees a wrong count, and a quarantine that has forgotten one or made one up', () => {
    assert.not(booksOf(plans, balanceOf({ duplicate: 89 })).passed);
    assert.not(booksOf(plans, { ...balanceOf(), balanced: false }).passed);
    assert.equal(quarantineOf(plans, kept.slice(1)).count, 1);
    assert.equal(quarantineOf(plans, [...kept, ...kept.slice(0, 1)]).count, 1);
  });
});
