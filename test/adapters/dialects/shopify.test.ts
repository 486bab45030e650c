import * as assert from 'uvu/assert';
import { shopDomain } from '../../../adapters/dialects/shop-domain.ts';
import { line, lines, standardPayload } from '../../../adapters/dialects/shopify.ts';
import { describe } from '../../support/describe.ts';

const variant = (id: string, product: string) => ({
  id: `gid://shopify/ProductVariant/${id}`,
  product: { id: product },
});

describe("Shopify's payloads", ({ it }) => {
  it('may be null or missing anywhere', () => {
    const shapes = [
      null,
      undefined,
      {},
      [],
      'x',
      { product: null },
      { merchandise: null },
      { id: null, product: { id: null } },
    ];
    for (const shape of shapes) {
      assert.is(line(shape), undefined);
      const everywhere = {
        productVariant: shape,
        cartLine: shape,
        currentLine: shape,
        collection: shape,
        searchResult: shape,
        cart: { lines: shape },
        checkout: { lineItems: [shape] },
        products: [shape],
      };
      assert.equal(standardPayload(everywhere), {});
    }
  });

  it('name the product of a variant, of a cart line and of a checkout line', () => {
    const own = { product_id: '7', variant_id: '8' };
    assert.equal(standardPayload({ productVariant: variant('8', '7') }), own);
    assert.equal(standardPayload({ cartLine: { quantity: 2, merchandise: variant('8', '7') } }), {
      ...own,
      quantity: 2,
    });
    assert.equal(standardPayload({ productId: '7', variantId: 8 }), own);
    const two = [
      { id: '1', quantity: 2, variant: variant('8', '7') },
      { id: '2', quantity: 1, variant: variant('9', '6') },
    ];
    assert.equal(standardPayload({ checkout: { lineItems: two } }), {
      products: [
        { ...own, quantity: 2 },
        { product_id: '6', variant_id: '9', quantity: 1 },
      ],
    });
  });

  it("never take a line's own id for that of its product", () => {
    assert.equal(lines([{ id: '1', quantity: 2, variant: null }]), []);
    assert.equal(lines([{ id: '8', product: { id: null } }]), [{ variant_id: '8' }]);
    assert.equal(lines([{ id: '7', quantity: 1 }], true), [{ product_id: '7', quantity: 1 }]);
  });

  it("take the difference of Hydrogen's lines as the quantity", () => {
    const change = (before?: number, now?: number) => {
      const at = (quantity?: number) => (quantity === undefined ? null : { quantity, merchandise: variant('8', '7') });
      return standardPayload({ prevLine: at(before), currentLine: at(now) });
    };
    assert.equal(change(undefined, 2), { product_id: '7', variant_id: '8', quantity: 2 });
    assert.equal(change(2, 5), { product_id: '7', variant_id: '8', quantity: 3 });
    assert.equal(change(5, 2), { product_id: '7', variant_id: '8', quantity: 3 });
    assert.equal(change(2, undefined), { product_id: '7', variant_id: '8', quantity: 2 });
    assert.equal(change(2, 2), { product_id: '7', variant_id: '8' });
  });

  it('give several products as a list, from arrays and from GraphQL connections', () => {
    const two = [
      { id: 'gid://shopify/Product/7', variantId: '8' },
      { id: 'gid://shopify/Product/6', variantId: '9' },
    ];
    const both = [
      { product_id: '7', variant_id: '8' },
      { product_id: '6', variant_id: '9' },
    ];
    assert.equal(standardPayload({ products: two }), { products: both });
    assert.equal(standardPayload({ collection: { productVariants: [variant('8', '7'), variant('9', '6')] } }), {
      products: both,
    });
    assert.equal(
      standardPayload({
        cart: { lines: { nodes: [{ merchandise: variant('8', '7') }, { merchandise: variant('9', '6') }] } },
      }),
      { products: both },
    );
  });

  it('leave the rest of the cart out of an event about one line', () => {
    const data = {
      cartLine: { quantity: 1, merchandise: variant('8', '7') },
      cart: { lines: [{ merchandise: variant('9', '6') }] },
    };
    assert.is(standardPayload(data).products, undefined);
  });

  it('say what was searched for and which collection was seen', () => {
    assert.equal(standardPayload({ searchResult: { query: 'linen' } }), { query: 'linen' });
    assert.equal(standardPayload({ searchTerm: 'linen' }), { query: 'linen' });
    assert.equal(standardPayload({ collection: { id: '1', handle: 'summer' } }), { collection_handle: 'summer' });
  });
});

describe("a shop's domain", ({ it }) => {
  const domains: Readonly<Record<string, string | undefined>> = {
    'demo.myshopify.com': 'demo.myshopify.com',
    ' Demo.MyShopify.COM ': 'demo.myshopify.com',
    'https://demo.myshopify.com/admin?x=1#y': 'demo.myshopify.com',
    'HTTP://user:secret@Demo.myshopify.com:8080/': 'demo.myshopify.com',
    'foo://Demo.myshopify.com': 'demo.myshopify.com',
    'demo.myshopify.com/products': 'demo.myshopify.com',
    'demo.myshopify.com.': 'demo.myshopify.com',
    'bücher.example': 'xn--bcher-kva.example',
    '': undefined,
    '   ': undefined,
    'https://': undefined,
    'a b.example': undefined,
    'javascript:alert(1)': undefined,
  };
  for (const [text, domain] of Object.entries(domains)) {
    it(`is ${domain ?? 'not found'} in ${JSON.stringify(text)}`, () => assert.is(shopDomain(text), domain));
  }
});
