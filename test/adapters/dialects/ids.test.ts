import * as assert from 'uvu/assert';
import { anyId, digits } from '../../../adapters/dialects/ids.ts';
import { layers } from '../../../adapters/dialects/layers/layers.ts';
import { context, rules } from '../../contracts/dialect.ts';
import { describe } from '../../support/describe.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const base64url = (text: string) => Buffer.from(text).toString('base64url');

/** Values, each with the digits that it stands for. */
const ids: readonly (readonly [unknown, string])[] = [
  [1, '1'],
  [0, '0'],
  [7003338965178, '7003338965178'],
  [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ['7003338965178', '7003338965178'],
  ['820982911946154508', '820982911946154508'],
  ['18446744073709551615', '18446744073709551615'],
  ['gid://shopify/Product/1', '1'],
  ['gid://shopify/Product/1?country=DE&key=x', '1'],
  ['gid://shopify/ProductVariant/44987654320001', '44987654320001'],
  ['gid://shopify/OrderIdentity/6203948571234', '6203948571234'],
  ['Z2lkOi8vc2hvcGlmeS9Qcm9kdWN0LzE=', '1'],
  [base64('gid://shopify/Product/1'), '1'],
  [base64('gid://shopify/ProductVariant/44987654320001').replace(/=+$/, ''), '44987654320001'],
  [base64('gid://shopify/ProductVariant/44987654320001?a=b'), '44987654320001'],
  [base64url('gid://shopify/Customer/820982911946154508?x=~~~'), '820982911946154508'],
  ['gid%3A%2F%2Fshopify%2FProduct%2F1', '1'],
  ['gid%3a%2f%2fshopify%2fProductVariant%2f2%3Fa%3Db', '2'],
];

const none: readonly unknown[] = [
  undefined,
  null,
  '',
  -1,
  1.5,
  2 ** 53,
  1e300,
  true,
  [],
  {},
  '12a',
  '-7',
  '1.5',
  '7 ',
  '７',
  '123456789012345678901',
  'gid://shop/Product/1',
  'gid://shopify/Product/',
  'gid://shopify/Product/1/2',
  'GID://SHOPIFY/Product/7',
  'gid%3A%2F%2Fshopify%2FCart%2Fabc',
  base64('gid://shopify/Cart/abc'),
  base64('gid://shopify/Product/1\n2'),
  `${base64('gid://shopify/Product/1')}!`,
  `Z2lkOi8vc2hvcGlmeS${'A'.repeat(10_000)}`,
  base64('7'),
];

describe('a Shopify id', ({ it }) => {
  for (const [value, found] of ids) {
    it(`is ${found}: ${JSON.stringify(value)}`, () => {
      assert.is(digits(value), found);
      assert.is(anyId(value), found);
      const body = JSON.stringify({ events: [{ ...event, product_id: value, variant_id: value }] });
      assert.equal(layers.read(body, rules).refused, []);
      const { product_id, variant_id, extra } = layers.view(body, [0], context('public'))[0]!;
      assert.equal([product_id, variant_id, extra], [found, found, undefined]);
    });
  }

  for (const value of none)
    it(`is none: ${JSON.stringify(value)?.slice(0, 60)}`, () => assert.is(digits(value), undefined));
});

const event = { event_id: 'e', event_type: 'product_view', timestamp: '2026-06-01T11:59:00Z', session_id: 's' };
