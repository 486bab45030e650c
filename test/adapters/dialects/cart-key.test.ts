import * as assert from 'uvu/assert';
import { clearCartKeys, withoutCartKeys } from '../../../adapters/dialects/cart-key.ts';
import { describe } from '../../support/describe.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const twice = (text: string) => encodeURIComponent(encodeURIComponent(text));
const id = 'gid://shopify/Cart/Z2NwLXVzLTEyMzQ1Njc4OTA';
const address = 'https://shop.example/cart/c/Z2NwLXVz';

/** Texts, each with what is left of it. */
const cases: readonly (readonly [string, string])[] = [
  [`${id}?key=f00`, id],
  [`${id}?KEY=f00`, id],
  [`${id}?key=`, id],
  [`${id}?key=f%20o`, `${id}%20o`],
  [`${id}?key=f+0/0==`, id],
  [`${id}?key=a&key=b`, id],
  [`${id}?key=a&key=b&x=1`, `${id}?x=1`],
  [`${id}?x=1&key=f00`, `${id}?x=1`],
  [`${address}?key=f00`, address],
  [`${address}?key=f00#top`, `${address}#top`],
  [`${address}#key=f00`, address],
  [`${address}?key=f00&locale=de`, `${address}?locale=de`],
  [`${address}?locale=de&key=f00`, `${address}?locale=de`],
  [`${address}?a=1&key=f00&b=2`, `${address}?a=1&b=2`],
  [`${address}?a=1&amp;key=f00&amp;b=2`, `${address}?a=1&amp;b=2`],
  ['/cart/c/Z2NwLXVz?key=f00', '/cart/c/Z2NwLXVz'],
  [
    'https://shop.example/checkouts/cn/Z2NwLXVz/information?key=f00',
    'https://shop.example/checkouts/cn/Z2NwLXVz/information',
  ],
  ['https://shop.example/1234/checkouts/5678/recover?key=f00', 'https://shop.example/1234/checkouts/5678/recover'],
  ['https://shop.example/checkout?key=f00', 'https://shop.example/checkout'],
  [
    'https://shop.example/1234/orders/0f1e2d3c/authenticate?key=f00&locale=de',
    'https://shop.example/1234/orders/0f1e2d3c/authenticate?locale=de',
  ],
  ['gid://shopify/Checkout/0f1e2d3c?key=f00', 'gid://shopify/Checkout/0f1e2d3c'],
  [`carts ${id}?key=a and ${address}?key=b, both`, `carts ${id} and ${address} both`],
  [encodeURIComponent(`${id}?key=f00`), encodeURIComponent(id)],
  [encodeURIComponent(`${id}?key=f00&x=1`), encodeURIComponent(`${id}?x=1`)],
  [twice(`${id}?x=1&key=f00&y=2`), twice(`${id}?x=1&y=2`)],
  [
    `https://shop.example/login?to=${encodeURIComponent(`${address}?key=f00`)}&x=1`,
    `https://shop.example/login?to=${encodeURIComponent(address)}&x=1`,
  ],
  [`https://shop.example/?cart=${base64(`${id}?key=f00`)}`, `https://shop.example/?cart=${base64(id)}`],
  [base64(`${id}?key=f00`), base64(id)],
  [base64(`${id}?key=f00`).replace(/=+$/, ''), base64(id)],
  [base64('gid://shopify/Checkout/0f1e2d3c4b5a6978?key=f00'), base64('gid://shopify/Checkout/0f1e2d3c4b5a6978')],
  ['cart=Z2NwLXVzLTEy%3Fkey%3Df00; other=1', 'cart=Z2NwLXVzLTEy other=1'],
  ['https://shop.example/?cartId=Z2NwLXVzLTEy%3Fkey%3Df00', 'https://shop.example/?cartId=Z2NwLXVzLTEy'],
  ['hWN5kTq2ZpXc8LrVb3MdYs71?key=0f1e2d3c', 'hWN5kTq2ZpXc8LrVb3MdYs71'],
  [JSON.stringify({ cart: { id: `${id}?key=f00`, n: 1 } }), JSON.stringify({ cart: { id, n: 1 } })],
];

/** Texts that stay as they are. */
const others: readonly string[] = [
  'https://shop.example/search?key=f00',
  'https://shop.example/search?monkey=1',
  `${address}?monkey=1`,
  `${address}?x=key`,
  `https://shop.example/products/a?key=f00 ${address}`,
  id,
  base64('gid://shopify/ProductVariant/44987654320001'),
  'monkey=1',
  '',
];

/** How JSON of other languages writes the characters of addresses. */
const escapes: Readonly<Record<string, (json: string) => string>> = {
  'as it is': (json) => json,
  'with slashes as PHP writes them': (json) => json.replaceAll('/', '\\/'),
  'as Go and Rails write it': (json) => json.replaceAll('&', '\\u0026'),
  'as Gson writes it': (json) => json.replaceAll('&', '\\u0026').replaceAll('=', '\\u003d').replaceAll("'", '\\u0027'),
  'with all of it escaped': (json) =>
    json.replaceAll('?', '\\u003F').replaceAll('key', '\\u006be\\u0079').replaceAll('=', '\\u003D'),
};

const cleared = (json: string) => clearCartKeys(JSON.parse(json), json);

describe('the key of a cart', ({ it }) => {
  for (const [text, clean] of cases) {
    it(`is taken out of ${text}`, () => {
      assert.is(withoutCartKeys(text), clean);
      assert.is(withoutCartKeys(clean), clean);
    });
    for (const [how, write] of Object.entries(escapes)) {
      it(`is taken out of JSON ${how}: ${text}`, () => {
        const json = write(JSON.stringify({ a: [{ [text]: text }], b: JSON.stringify({ text }) }));
        assert.equal(cleared(json), { a: [{ [clean]: clean }], b: JSON.stringify({ text: clean }) });
        // Alone: with few of the characters that tell that there may be one.
        assert.equal(cleared(write(JSON.stringify([text]))), [clean]);
      });
    }
  }

  for (const text of others) {
    it(`is not seen in ${text}`, () => {
      assert.is(withoutCartKeys(text), text);
      const json = JSON.stringify({ a: [{ [text]: text }], b: text });
      assert.equal(cleared(json), JSON.parse(json));
    });
  }

  it('is taken out of JSON that is kept as text, however it is escaped', () => {
    for (const how of ['as it is', 'with slashes as PHP writes them', 'as Gson writes it']) {
      const json = escapes[how]!(JSON.stringify({ id: `${id}?key=f00`, url: `${address}?a=1&key=f00&b=2` }));
      assert.equal(JSON.parse(withoutCartKeys(json)), { id, url: `${address}?a=1&b=2` });
    }
  });

  it('is taken out of a text that was cut', () => {
    assert.is(withoutCartKeys(`{"cart":"${id}?key=f0`), `{"cart":"${id}`);
    assert.is(withoutCartKeys(`"${id}?key=f0…"`), `"${id}"`);
  });

  it('is taken out of what stands beside the address that it belongs to', () => {
    const place = { href: `${address}?key=f00&x=1`, pathname: '/cart/c/Z2NwLXVz', search: '?key=f00&x=1', hash: '' };
    const json = JSON.stringify({ context: { document: { location: place } } });
    const clean = { href: `${address}?x=1`, pathname: '/cart/c/Z2NwLXVz', search: '?x=1', hash: '' };
    assert.equal(cleared(json), { context: { document: { location: clean } } });
  });

  it('is taken out of a value that is a text, and out of a depth that no stack holds', () => {
    assert.is(cleared(JSON.stringify(`${id}?key=f00`)), id);
    const deep = `${'{"a":'.repeat(40_000)}"${id}?key=f00"${'}'.repeat(40_000)}`;
    let value = cleared(deep);
    while (typeof value === 'object') value = (value as { a: unknown }).a;
    assert.is(value, id);
  });

  it('leaves the value alone where the text says nothing of keys', () => {
    const value = { a: `${id}?key=f00` };
    assert.is(clearCartKeys(value, '{}'), value);
    assert.equal(value, { a: `${id}?key=f00` });
  });
});

describe('keys of carts in texts made to be slow', ({ it }) => {
  const size = 1_000_000;
  const fill = (piece: string) => piece.repeat(size / piece.length);
  const hostile: readonly string[] = [
    fill('/cart/c/a?'),
    fill('/cart/'),
    `${fill('/cart/c/')}?${fill('key=')}`,
    `/cart/c/a?${fill('key=a&')}`,
    `/cart/c/a?${fill('key=%25')}`,
    `/cart/c/a?${fill('&key')}`,
    `key=${fill('\\')}`,
    `key=${fill('%25')}`,
    `key=/cart/?key=${fill('%25')}x`,
    `key=${fill('Z2lkOi8vc2hvcGlmeS9')}`,
    `key=${fill('cart')}`,
    `key=${fill('1')}`,
    `${fill('a')}1?key=`,
  ];
  // Seconds or minutes where the work grows with the square of the length; how fast it is otherwise is no matter here.
  it('are looked for in one pass: many queries in one object', () => {
    const json = JSON.stringify(Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, '?key=1'])));
    assert.equal(clearCartKeys(JSON.parse(json), json), JSON.parse(json));
  });

  for (const text of hostile)
    it(`are looked for in one pass: ${text.slice(0, 30)}…`, () =>
      assert.ok(withoutCartKeys(text).length <= text.length));
});
