import * as assert from 'uvu/assert';
import type { Event } from '../../../schemas/event.ts';
import { type FilterReason, reasonInFull, router } from '../../../server/deliver/route.ts';
import { describe } from '../../support/describe.ts';

const event = (fields: Partial<Event>): Event => ({
  event_id: 'a',
  id_source: 'client',
  event_type: 'product_view',
  name: 'product_viewed',
  dialect: 'glood',
  shop: 'demo.myshopify.com',
  timestamp: '2026-06-01T12:00:00.000Z',
  timestamp_source: 'client',
  received_at: '2026-06-01T12:00:00.000Z',
  trust: 'public',
  ...fields,
});

type Pipeline = Parameters<typeof router>[0];
const pipeline = (fields: Partial<Pipeline>): Pipeline => ({
  events: ['*'],
  consent: [],
  whenUnknown: 'filter',
  ...fields,
});

const types: [pattern: string, type: string, name: string, wanted: boolean][] = [
  ['*', 'x', 'y', true],
  ['product_view', 'product_view', 'product_viewed', true],
  ['product_viewed', 'product_view', 'product_viewed', true],
  ['product', 'product_view', 'product_viewed', false],
  ['product_*', 'product_view', 'product_viewed', true],
  ['*_view', 'product_view', 'product_viewed', true],
  ['*_view', 'product_click', 'product_clicked', false],
  ['glood:section:*', 'block_view', 'glood:section:view', true],
  ['glood:section:*', 'block_view', 'glood:bundle:view', false],
  ['glood:*:view', 'block_view', 'glood:bundle:view', true],
  ['glood:*:view', 'block_view', 'glood:view', false],
  ['a*b*c', 'aXbXc', '', true],
  ['a*b*c', 'abc', '', true],
  ['a*b*c', 'acb', '', false],
  ['ab*ba', 'aba', '', false],
  ['**', 'anything', '', true],
  ['a.c', 'abc', '', false],
];

const consents: [rule: Partial<Pipeline>, consent: Event['consent'], verdict: FilterReason | undefined][] = [
  [{}, undefined, undefined],
  [{ consent: ['analytics'] }, { analytics: true }, undefined],
  [{ consent: ['analytics'] }, { analytics: false }, 'consent_denied'],
  [{ consent: ['analytics'] }, {}, 'consent_unknown'],
  [{ consent: ['analytics'] }, undefined, 'consent_unknown'],
  [{ consent: ['analytics'], whenUnknown: 'send' }, undefined, undefined],
  [{ consent: ['analytics'], whenUnknown: 'send' }, { analytics: false }, 'consent_denied'],
  [{ consent: ['analytics', 'marketing'] }, { analytics: true }, 'consent_unknown'],
  [{ consent: ['analytics', 'marketing'] }, { analytics: true, marketing: false }, 'consent_denied'],
];

describe('a pipeline', ({ it }) => {
  for (const [pattern, type, name, wanted] of types) {
    it(`with ${pattern} ${wanted ? 'wants' : 'does not want'} ${type} sent as "${name}"`, () => {
      assert.is(
        router(pipeline({ events: [pattern] }))(event({ event_type: type, name })),
        wanted ? undefined : 'type',
      );
    });
  }
  for (const [rule, consent, verdict] of consents) {
    it(`with ${JSON.stringify(rule)} answers ${verdict ?? 'yes'} to consent ${JSON.stringify(consent)}`, () => {
      assert.is(router(pipeline(rule))(event(consent ? { consent } : {})), verdict);
    });
  }
  it('calls a denial unclear where none of its purposes was clearly denied, and says what was said', () => {
    const rule = pipeline({ consent: ['analytics', 'marketing'] });
    const verdict = (more: Partial<Event>) => router(rule)(event(more));
    const unclear = { consent: { marketing: false }, consent_unclear: { marketing: 'perhaps' } };
    assert.is(verdict(unclear), 'consent_unclear');
    assert.is(verdict({ ...unclear, consent: { marketing: false, analytics: true } }), 'consent_unclear');
    assert.is(verdict({ ...unclear, consent: { marketing: false, analytics: false } }), 'consent_denied');
    assert.is(router(pipeline({ consent: ['analytics'] }))(event(unclear)), 'consent_unknown');
    assert.is(router(pipeline({ consent: ['analytics'], whenUnknown: 'send' }))(event(unclear)), undefined);
    assert.is(router(pipeline({ consent: ['marketing'], whenUnknown: 'send' }))(event(unclear)), 'consent_unclear');
    const both = { ...unclear, consent_unclear: { marketing: 'perhaps', sale_of_data: 'x', analytics: '"' } };
    assert.is(
      reasonInFull('consent_unclear', event(both), rule),
      'consent_unclear (analytics: "\\"", marketing: "perhaps")',
    );
    assert.is(reasonInFull('consent_denied', event(both), rule), 'consent_denied');
  });
  it('of servers wants no event that a shopper could have made up', () => {
    const route = router(pipeline({ trust: 'server', consent: ['analytics'] }));
    assert.is(route(event({ event_type: 'purchase', trust: 'public' })), 'trust');
    assert.is(route(event({ event_type: 'purchase', trust: 'server', consent: { analytics: true } })), undefined);
    assert.is(router(pipeline({ trust: 'any' }))(event({ trust: 'public' })), undefined);
  });
  it('wants the channels it lists', () => {
    const route = router(pipeline({ channels: ['app'] }));
    assert.is(route(event({ shopping_channel: 'app' })), undefined);
    assert.is(route(event({ shopping_channel: 'web' })), 'channel');
    assert.is(route(event({})), 'channel');
  });
});
