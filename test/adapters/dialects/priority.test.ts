import * as assert from 'uvu/assert';
import { glood } from '../../../adapters/dialects/glood/glood.ts';
import { dialects } from '../../../adapters/dialects/index.ts';
import { layers } from '../../../adapters/dialects/layers/layers.ts';
import { tapcart } from '../../../adapters/dialects/tapcart/tapcart.ts';
import { describe } from '../../support/describe.ts';

describe('the priority of a body', ({ it }) => {
  const bytesOf = (body: unknown) => Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));

  it('is that of its most important event, by the field that names the type in its dialect', () => {
    const of = (body: unknown) => layers.priorityOf(bytesOf(body));
    const browse = {
      event_type: 'product_view',
      title: 'Add to cart',
      name: 'Cart cover',
      page_url: '/cart',
      event_id: 'checkout',
    };
    assert.is(of({ events: [browse, { event_type: 'product_hover' }] }), 'browse');
    assert.is(of({ events: [browse, { event_type: 'add_to_cart' }] }), 'commerce');
    assert.is(of({ events: [{ event_type: 'order_placed' }] }), 'commerce');
    assert.is(of('{ "event_type" : "purchase" }'), 'commerce');
    const ofGlood = (name: string, more: object = {}) =>
      glood.priorityOf(bytesOf({ event: { id: '1', name }, ...more }));
    for (const name of [
      'product_added_to_cart',
      'checkout_started',
      'payment_info_submitted',
      'glood:bundle:add_to_cart',
    ])
      assert.is(ofGlood(name), 'commerce', name);
    for (const name of ['page_viewed', 'glood:section:view', 'glood:init'])
      assert.is(ofGlood(name, { cart: { lines: [] }, page_type: 'cart' }), 'browse', name);
    for (const event of ['cartAdd', 'checkoutCreated', 'purchaseCompleted'])
      assert.is(tapcart.priorityOf(bytesOf({ event })), 'commerce', event);
    assert.is(tapcart.priorityOf(bytesOf({ event: 'productViewed' })), 'browse');
  });

  it('is found quickly, whatever the body is', () => {
    const fields = ['name', 'event_type', 'event'];
    const pieces = fields.flatMap((field) => [`"${field}":"`, `"${field}"`, `"${field}"  `, `"${field}":"car`]);
    const bodies = [
      ...[...pieces, ' '].map((text) => text.repeat(262_144 / text.length)),
      ...fields.map((field) => `"${field}"${' '.repeat(262_000)}`),
    ];
    for (const { name, priorityOf } of dialects)
      for (const body of bodies.map(bytesOf)) {
        const begin = process.cpuUsage();
        priorityOf(body);
        const { user } = process.cpuUsage(begin);
        assert.ok(user < 100_000, `${user} us for ${name} and ${body.subarray(0, 20)}`);
      }
  });
});
