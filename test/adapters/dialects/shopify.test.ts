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

  const line8 = { id: 'gid://shopify/CartLine/a1?cart=c', quantity: 2, merchandise: variant('8', '7') };
  const line9 = {
    id: 'gid://shopify/CartLine/55',
    quantity: '1',
    merchandise: variant('9', 'gid://shopify/Product/6'),
  };
  const found = [
    { product_id: '7', variant_id: '8', quantity: 2 },
    { product_id: '6', variant_id: '9', quantity: 1 },
  ];
  const nodes = { nodes: [line8, line9], pageInfo: {} };
  const edges = { edges: [{ cursor: 'x', node: line8 }, { node: line9 }, null, { node: null }] };

  const connections: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    'nodes of a cart': { cart: { lines: nodes } },
    'edges of a cart': { cart: { lines: edges } },
    'edges of a cart, whose nodes are empty': { cart: { lines: { nodes: [], ...edges } } },
    'nodes of a cart, whose edges are empty': { cart: { lines: { edges: [], ...nodes } } },
    'edges without what is around them': { cart: { lines: edges.edges } },
    'a map of places': { cart: { lines: { 0: line8, 2: line9 } } },
    'edges of a checkout': { checkout: { lineItems: edges } },
    'lines of a checkout': { checkout: { lines: nodes } },
    'variants of a collection in edges': {
      collection: { productVariants: { edges: [{ node: { ...line8.merchandise, quantity: 2 } }, { node: line9 }] } },
    },
    'what Checkout Kit says of an order': {
      orderDetails: {
        cart: {
          lines: [
            { merchandiseId: 'gid://shopify/ProductVariant/8', productId: 'gid://shopify/Product/7', quantity: 2 },
            { merchandiseId: 'gid://shopify/ProductVariant/9', productId: 'gid://shopify/Product/6', quantity: 1 },
          ],
        },
      },
    },
  };
  for (const [what, data] of Object.entries(connections))
    it(`are read from ${what}`, () => assert.equal(standardPayload(data), { products: found }));

  it('say what is added to a cart, also by its input', () => {
    const both = { product_id: '7', variant_id: '8' };
    const add = { merchandiseId: 'gid://shopify/ProductVariant/8', quantity: 2 };
    assert.equal(standardPayload({ cartLine: add }), { variant_id: '8', quantity: 2 });
    assert.equal(standardPayload({ currentLine: line8 }), { ...both, quantity: 2 });
    assert.equal(standardPayload({ products: { edges: [{ node: { id: 'gid://shopify/Product/7' } }] } }), {
      product_id: '7',
    });
    const product = { id: 'gid://shopify/Product/7', selectedOrFirstAvailableVariant: { id: '8' } };
    assert.equal(standardPayload({ products: [product] }), both);
    assert.equal(standardPayload({ product }), both);
    assert.equal(standardPayload({ collection: { handle: 'h', products: { nodes: [product, product] } } }), {
      products: [both, both],
      collection_handle: 'h',
    });
  });

  it('believe a gid about what it names', () => {
    const gid = (type: string) => `gid://shopify/${type}/8`;
    const base64 = Buffer.from(gid('ProductVariant')).toString('base64');
    assert.equal(lines([{ id: gid('ProductVariant') }, { id: base64 }], true), [
      { variant_id: '8' },
      { variant_id: '8' },
    ]);
    assert.equal(lines([{ id: gid('CartLine') }, { id: gid('Cart') }], true), []);
    assert.equal(lines([{ id: gid('Product') }, { id: gid('ProductVariant') }]), [
      { product_id: '8' },
      { variant_id: '8' },
    ]);
    assert.equal(line({ id: gid('CartLine'), product: { id: gid('Product') } }), { product_id: '8' });
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
