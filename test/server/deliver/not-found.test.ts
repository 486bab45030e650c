import * as assert from 'uvu/assert';
import { closest } from '../../../adapters/closest.ts';
import { pipelineNotFound } from '../../../server/deliver/not-found.ts';
import { describe } from '../../support/describe.ts';

describe('a pipeline that is not there', ({ it }) => {
  const known = [
    { shop: 'demo.myshopify.com', pipeline: 'archive' },
    { shop: 'other.myshopify.com', pipeline: 'warehouse' },
  ];
  for (const [shop, pipeline, says] of [
    ['demo.myshopify.com', 'archvie', 'no pipeline archvie in the shop demo.myshopify.com; did you mean archive?'],
    ['demo.myshopify.com', 'warehouse', 'no pipeline warehouse in the shop demo.myshopify.com'],
    [
      'dmeo.myshopify.com',
      'archive',
      'no pipeline archive, and no shop dmeo.myshopify.com with one; did you mean demo.myshopify.com?',
    ],
    ['x.example', 'archive', 'no pipeline archive, and no shop x.example with one'],
  ] as const) {
    it(`is told with the one that was meant: ${pipeline} of ${shop}`, () =>
      assert.is(pipelineNotFound({ shop, pipeline }, known).message, says));
  }
});

describe('the closest word', ({ it }) => {
  it('is a typo or two away, or written another way', () => {
    const words = ['product_view', 'add_to_cart', 'search'];
    assert.is(closest('prodcut_view', words), 'product_view');
    assert.is(closest('addToCart', words), 'add_to_cart');
    assert.is(closest('serach', words), 'search');
    assert.is(closest('purchase', words), undefined);
    assert.is(closest('', words), undefined);
  });

  it('is not looked for where the word is long', () => assert.is(closest('x'.repeat(65), ['x'.repeat(65)]), undefined));
});
