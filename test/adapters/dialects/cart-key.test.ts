import * as assert from 'uvu/assert';
import { withoutCartKeys } from '../../../adapters/dialects/cart-key.ts';
import { describe } from '../../support/describe.ts';

describe('the key of a cart', ({ it }) => {
  const cases: readonly (readonly [string, string])[] = [
    ['gid://shopify/Cart/Z2NwLXVz?key=f00', 'gid://shopify/Cart/Z2NwLXVz'],
    ['gid:\\/\\/shopify\\/Cart\\/Z2NwLXVz?key=f00', 'gid:\\/\\/shopify\\/Cart\\/Z2NwLXVz'],
    ['https://shop.example/cart/c/Z2NwLXVz?key=f00', 'https://shop.example/cart/c/Z2NwLXVz'],
    ['https://shop.example/cart/c/Z2NwLXVz?key=f00&locale=de', 'https://shop.example/cart/c/Z2NwLXVz?locale=de'],
    ['https://shop.example/cart/c/Z2NwLXVz?locale=de&key=f00', 'https://shop.example/cart/c/Z2NwLXVz?locale=de'],
    ['https://shop.example/cart/c/Z2NwLXVz?a=1&key=f00&b=2', 'https://shop.example/cart/c/Z2NwLXVz?a=1&b=2'],
    ['https://shop.example/search?key=f00', 'https://shop.example/search?key=f00'],
    ['monkey=1', 'monkey=1'],
  ];
  for (const [text, clean] of cases) {
    it(`is taken out of ${text}`, () => {
      const body = JSON.stringify({ id: 1, cart: '§' }).replace('§', text);
      assert.is(withoutCartKeys(body), body.replace(text, clean));
    });
  }

  it('is looked for in one pass', () => {
    const text = '/cart/c/a?'.repeat(20_000) + 'key='.repeat(20_000);
    assert.is(withoutCartKeys(text).length > 0, true);
  });
});
