import * as assert from 'uvu/assert';
import { RequestRefused } from '../../../adapters/dialects/dialect.ts';
import { glood } from '../../../adapters/dialects/glood/glood.ts';
import { layers } from '../../../adapters/dialects/layers/layers.ts';
import { tapcart } from '../../../adapters/dialects/tapcart/tapcart.ts';
import { context, rules } from '../../contracts/dialect.ts';
import { describe } from '../../support/describe.ts';

const key = '0f1e2d3c4b5a6978';
const cart = `gid://shopify/Cart/hWN5kTq2ZpXc8LrVb3MdYs71?key=${key}`;
const address = `https://shop.example.com/cart/c/hWN5kTq2ZpXc8LrVb3MdYs71?key=${key}`;
const time = '2026-06-01T11:59:00Z';
const base64 = Buffer.from(cart).toString('base64');

/** Where clients put the id or the address of a cart. */
const places: readonly (readonly [typeof layers, string, object])[] = [
  ...[cart, address, base64, encodeURIComponent(cart)].flatMap((text) => [
    [layers, 'in its context', { contextual_data: { deep: [{ cart: text }] } }] as const,
    [layers, 'in a key that the contract does not know', { cart_id: text, page_url: text }] as const,
    [layers, 'as a session, device and customer', { session_id: text, device_id: text, customer_id: text }] as const,
    [layers, 'where it does not fit', { marketing_source: [text], query: { text } }] as const,
    [layers, 'as its id', { event_id: text }] as const,
    [glood, 'in its cart', { cart: { id: text, checkoutUrl: text } }] as const,
    [glood, 'in its address', { page_url: `https://shop.example.com/?to=${encodeURIComponent(text)}` }] as const,
    [glood, 'in its payload', { event: { id: 'e', name: 'cart_viewed', data: { cart: { id: text } } } }] as const,
    [glood, 'in its own payload', { event: { id: 'e', name: 'glood:init', customData: { [text]: text } } }] as const,
    [tapcart, 'in its payload', { data: { cart: { id: text } }, properties: { checkout_url: text } }] as const,
  ]),
];

const bodyOf = (dialect: typeof layers, fields: object): string => {
  const event = { event_id: 'e', event_type: 'block_view', timestamp: time, session_id: 's', ...fields };
  if (dialect === layers) return JSON.stringify({ events: [event] });
  const glood = { event: { id: 'e', name: 'page_viewed', timestamp: time }, session_id: 's', ...fields };
  if (dialect.name === 'glood') return JSON.stringify(glood);
  return JSON.stringify({ event: 'cartAdd', mp_metadata: { mp_event_id: 'e' }, ...fields });
};

/** Looked for in all forms that the key was sent in. */
const says = (value: unknown): boolean => {
  const text = JSON.stringify(value);
  const plain = text.replace(/Z2lk[\w+/-]+=*/g, (id) => Buffer.from(id, 'base64').toString());
  return plain.includes(key);
};

describe('the key of a cart in an event', ({ it }) => {
  for (const [dialect, what, fields] of places) {
    it(`does not leave: ${dialect.name}, ${what}, ${JSON.stringify(fields).slice(0, 80)}`, () => {
      const body = bodyOf(dialect, fields);
      assert.ok(says(body));
      const { events, refused } = dialect.read(body, rules);
      assert.equal(refused, []);
      const event = dialect.view(body, [0], context('public'))[0]!;
      assert.ok(!says(event), JSON.stringify(event));
      assert.is(event.event_id, events[0]?.id);
    });
  }

  it('counts where an id is made of the content', () => {
    const view = (id: string) =>
      layers.view(bodyOf(layers, { event_id: undefined, cart: id }), [0], context('public'))[0]!;
    const [one, other] = [view(cart), view(`${cart}0`)];
    assert.equal(one.extra, other.extra);
    assert.is.not(one.event_id, other.event_id);
  });

  it('is in no reason why an event is refused', () => {
    const body = JSON.stringify({ events: [{ event_type: address, timestamp: cart, session_id: {}, event_id: cart }] });
    const refusal = layers.read(body, rules).refused[0]!;
    assert.ok(refusal.raw.includes(key), 'what was sent is kept as it was');
    assert.ok(!says({ ...refusal, raw: '' }));
    const short = 'gid://shopify/Cart/a1?key=0f1e2d3c4b5a6978';
    for (const text of [
      short,
      JSON.stringify({ event: short }),
      JSON.stringify({ event: { id: short, name: short } }),
    ]) {
      try {
        glood.read(text.startsWith('{') ? text : JSON.stringify(text), rules);
        assert.unreachable();
      } catch (error) {
        assert.instance(error, RequestRefused);
        const { message, refusal: kept } = error as RequestRefused;
        assert.ok(!says({ message, ...kept, raw: '' }), message);
      }
    }
  });
});
