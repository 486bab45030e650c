import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { glood } from '../../../adapters/dialects/glood/glood.ts';
import { contents } from '../../../adapters/dialects/index.ts';
import { areDifferent, kindOf, orderOf } from '../../../adapters/dialects/kind.ts';
import { layers } from '../../../adapters/dialects/layers/layers.ts';
import { tapcart } from '../../../adapters/dialects/tapcart/tapcart.ts';
import { describe } from '../../support/describe.ts';

const rules = {
  shop: 'demo.myshopify.com',
  names: () => true,
  shopNamed: true,
  customEvents: new Set(['purchase']),
  limits: { depth: 32, keys: 2048, text: 8192, eventBytes: 65_536 },
  receivedAt: Date.parse('2026-06-01T12:00:00Z'),
};

describe('the kind of an event', ({ it }) => {
  it('differs where the types do', () => {
    assert.ok(areDifferent(kindOf('search', 's', 'd'), kindOf('page_view', 's', 'd')));
    assert.not(areDifferent(kindOf('search', 's', 'd'), kindOf('search', 's', 'd')));
  });

  it('differs where session and device both do, and both state both', () => {
    assert.ok(areDifferent(kindOf('search', 's', 'd'), kindOf('search', 't', 'e')));
    assert.not(areDifferent(kindOf('search', 's', 'd'), kindOf('search', 't', 'd')));
    assert.not(areDifferent(kindOf('search', 's', 'd'), kindOf('search', 's', 'e')));
    assert.not(areDifferent(kindOf('search', 's', 'd'), kindOf('search', 't', undefined)));
    assert.not(areDifferent(kindOf('search', '', 'd'), kindOf('search', 't', 'e')));
    assert.not(areDifferent(0, kindOf('search', 't', 'e')));
  });

  it('has 32 bits, and each part says whether it is stated', () => {
    for (let n = 0; n < 5000; n++) {
      const kind = kindOf(`t${n}`, `s${n}`, `d${n}`);
      assert.ok(kind > 0 && kind < 2 ** 32);
      for (const part of [kind >>> 20, (kind >>> 10) & 1023, kind & 1023]) assert.ok(part > 0);
    }
    assert.is(kindOf(undefined, undefined, undefined), 0);
  });

  it('is what the records on disk have', () => {
    const [session, device] = ['5f1c3a9e-7b1d-4c55-9a55-00000000000a', '0b6f3c1e-52a4-4f0e-8f57-2b8f6a1c9d3e'];
    assert.is(kindOf('search', 's', 'd'), 2429288227);
    assert.is(kindOf('product_view', session, device), 2025866658);
    assert.is(kindOf('purchase', undefined, 'é\u{1f600}'), 2170552501);
    assert.is(kindOf('', undefined, 'x'), 828);
  });

  it('is the same whatever events came before', () => {
    // After other texts, so that nothing is remembered.
    const alone = ([type, session, device]: readonly (string | undefined)[]) => {
      kindOf('other', 'other', 'other');
      return kindOf(type, session, device);
    };
    const texts = fc.constantFrom(undefined, '', 'a', 'b', 'ab');
    fc.assert(
      fc.property(fc.array(fc.tuple(texts, texts, texts), { maxLength: 20 }), (events) => {
        const fresh = events.map(alone);
        assert.equal(
          events.map(([type, session, device]) => kindOf(type, session, device)),
          fresh,
        );
      }),
    );
  });

  it('is the same in all dialects that say the same', () => {
    const kinds = [
      layers.read(
        '{"events":[{"event_type":"search","event_id":"a","timestamp":"2026-06-01T12:00:00Z","session_id":"s","device_id":"d","query":"q"}]}',
        rules,
      ),
      glood.read(
        '{"event":{"id":"a","name":"search_submitted"},"session_id":"s","client_id":"d","channel":"web"}',
        rules,
      ),
    ].map(({ events }) => events[0]?.kind);
    assert.equal(kinds, [kindOf('search', 's', 'd'), kindOf('search', 's', 'd')]);
  });
});

describe('the content of an event', ({ it }) => {
  it('is the same where the same was sent, whatever the order of keys, and another where anything differs', () => {
    const of = (body: string, dialect = 'layers', index = 0) => contents(dialect, body, [index], 2)[0];
    const sent =
      '{"events":[{"event_type":"search","event_id":"a","query":"q"},{"event_type":"search","event_id":"a"}]}';
    assert.match(of(sent) ?? '', /^[0-9a-f]{8}$/);
    assert.is(of(sent), of('{"events":[{"query":"q","event_id":"a","event_type":"search"}]}'));
    assert.is.not(of(sent), of(sent, 'layers', 1));
    assert.is.not(of('{"event":{"id":"a"}}', 'glood'), of('{"event":{"id":"a"},"client_id":"c"}', 'glood'));
    assert.is.not(of('{"event":"search"}', 'tapcart'), of('{"event":"login"}', 'tapcart'));
  });

  it('has its numbers as they were written, and by the first version as doubles', () => {
    const of = (version: number) =>
      ['820982911946154508', '820982911946154509'].map(
        (number) => contents('layers', `{"events":[{"order":${number}}]}`, [0], version)[0],
      );
    assert.is(...(of(1) as [string, string]));
    assert.is.not(...(of(2) as [string, string]));
  });
});

describe('an order', ({ it }) => {
  it('is known by its id, else by its checkout', () => {
    assert.is(orderOf({ order_id: 'gid://shopify/Order/12' }), 'order 12');
    assert.is(orderOf({ checkout: { token: 'c', order: { id: 12 } } }), 'order 12');
    assert.is(orderOf({ checkout: { token: 'c' } }), 'checkout c');
    assert.is(orderOf({ total: 3 }), undefined);
    for (const nothing of ['undefined', 'null', '', 0, 'gid://shopify/Order/undefined']) {
      assert.is(orderOf({ order_id: nothing }), undefined);
      assert.is(orderOf({ order_id: nothing, checkout: { token: 'c' } }), 'checkout c');
      assert.is(orderOf({ checkout_token: nothing }), undefined);
    }
  });

  it('is given for purchases of every dialect', () => {
    const orders = [
      layers.read(
        '{"events":[{"event_type":"purchase","event_id":"a","timestamp":"2026-06-01T12:00:00Z","session_id":"s","order_id":"7"}]}',
        rules,
      ),
      glood.read(
        '{"event":{"id":"a","name":"checkout_completed","data":{"checkout":{"order":{"id":"7"}}}},"session_id":"s","channel":"web"}',
        rules,
      ),
      tapcart.read('{"event":"purchaseCompleted","data":{"order_id":7},"mp_metadata":{"mp_event_id":"a"}}', rules),
    ].map(({ events }) => events[0]?.order);
    assert.equal(orders, ['order 7', 'order 7', 'order 7']);
  });
});
