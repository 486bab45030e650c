import {
  batch,
  glood,
  gloodText,
  layers,
  layersExample,
  layersText,
  layersWith,
  tapcart,
  tapcartText,
} from './requests.ts';
import { having, type Row } from './row.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** How clients write the product 7003338965178, or another one. */
const products: readonly (readonly [sent: unknown, source: string, id?: string])[] = [
  [7003338965178, 'Layers: a number'],
  ['7003338965178', 'Glood: digits'],
  ['gid://shopify/Product/7003338965178', 'Hydrogen, the Storefront API'],
  ['gid://shopify/Product/7003338965178?variant=1', 'gids with parameters'],
  [base64('gid://shopify/Product/7003338965178'), 'the Storefront API until 2022-04: base64'],
  [base64('gid://shopify/Product/7003338965178').replace(/=+$/, ''), 'base64 without its padding'],
  ['9007199254740993', '2^53 + 1 as text', '9007199254740993'],
  ['18446744073709551615', '20 digits', '18446744073709551615'],
  ['0', 'a test product', '0'],
];

const notProducts: readonly (readonly [sent: unknown, source: string])[] = [
  ['', 'an empty data attribute'],
  [null, 'no product'],
  [undefined, 'no product'],
  ['linen-shirt', 'the handle instead of the id'],
  ['undefined', 'a template'],
  ['gid://shopify/Product/', 'a gid of nothing'],
  ['gid://shopify/Product/abc', 'a gid of a handle'],
  [-7003338965178, 'a sign'],
  [7003338965178.5, 'a fraction'],
  [{ id: 7003338965178 }, 'the product instead of its id'],
  [[7003338965178], 'a list of one'],
  [true, 'a flag'],
];

export const numbers: readonly Row[] = [
  ...products.map(
    ([product_id, source, id = '7003338965178']): Row => ({
      name: `product_id ${JSON.stringify(product_id)}`,
      source,
      sends: layers({ product_id }),
      event: { product_id: id },
    }),
  ),
  ...notProducts.map(
    ([product_id, source]): Row => ({
      name: `no product_id: ${JSON.stringify(product_id) ?? 'left out'}`,
      source,
      sends: layers({ product_id }),
      refused: [{ code: 'invalid', reason: /events\[0\]\.product_id: expected a Shopify id/ }],
    }),
  ),
  {
    name: 'a product of 18 digits, as a number',
    source: 'the admin’s test notification: 820982911946154508',
    sends: layersWith('"product_id": 820982911946154508'),
    event: { product_id: '820982911946154508' },
  },
  {
    name: 'two products of 18 digits that are one as doubles',
    source: 'ids through JSON.parse',
    sends: batch([], {
      body: `{"events":[${['820982911946154508', '820982911946154509']
        .map((id, at) => JSON.stringify(layersExample({ event_id: `e${at}` })).replace('7003338965178', id))
        .join(',')}]}`,
    }),
    events: [{ product_id: '820982911946154508' }, { product_id: '820982911946154509' }],
  },
  {
    name: 'a product with an exponent',
    source: 'JSON of Lua and of spreadsheets',
    sends: layersWith('"product_id": 7.003338965178e12'),
    event: { product_id: '7003338965178' },
  },
  {
    name: 'a product with a fraction of 0',
    source: 'JSON of Lua and Dart',
    sends: layersWith('"product_id": 7003338965178.0'),
    event: { product_id: '7003338965178' },
  },
  {
    name: 'a product beyond all numbers',
    source: 'JSON.parse gives Infinity for 1e400',
    sends: layersWith('"product_id": 1e400'),
    refused: [{ code: 'invalid', reason: /product_id/ }],
    gone: { product_id: 'compared as a number, it is Infinity' },
  },
  {
    name: 'a customer by number, digits, gid and own name',
    source: 'Layers: a free text; Shopify: a number',
    sends: batch(
      [7003338965178, '7003338965178', 'gid://shopify/Customer/7003338965178', 'shopify-customer-987654321'].map(
        (customer_id, at) => layersExample({ event_id: `e${at}`, customer_id }),
      ),
    ),
    events: ['7003338965178', '7003338965178', '7003338965178', 'shopify-customer-987654321'].map((customer_id) => ({
      customer_id,
    })),
  },
  {
    name: 'a customer of 18 digits, as a number',
    source: 'ids through JSON.parse',
    sends: layersWith('"customer_id": 115310627314723954'),
    event: { customer_id: '115310627314723954' },
  },
  {
    name: 'a customer of 18 digits in Glood',
    source: 'ids through JSON.parse',
    sends: gloodText('{"event":{"id":"e","name":"page_viewed"},"session_id":"s","customer_id":115310627314723954}'),
    event: { customer_id: '115310627314723954' },
  },
  {
    name: 'an order of 18 digits in what is kept as sent',
    source: 'as sent keeps its digits',
    sends: layersWith('"contextual_data": {"order_id": 820982911946154508, "total": 19.990000000000002}'),
    event: { contextual_data: { order_id: '820982911946154508', total: 19.990000000000002 } },
  },
  {
    name: 'a number of 18 digits under a key that nobody knows',
    source: 'as sent keeps its digits',
    sends: layersWith('"checkout_id": 901414060000000123'),
    event: { extra: { checkout_id: '901414060000000123' } },
  },
  {
    name: 'products of 18 digits in a Glood payload',
    source: 'Glood’s ids are digits, Shopify’s own numbers',
    sends: gloodText(
      '{"event":{"id":"e","name":"product_viewed","data":{"productVariant":{"id":"808950810000000124","product":{"id":788032119674292922}}}},"session_id":"s"}',
    ),
    event: {
      product_id: '788032119674292922',
      variant_id: '808950810000000124',
      data: having({ productVariant: { id: '808950810000000124', product: { id: '788032119674292922' } } }),
    },
  },
  {
    name: 'products of 18 digits in a Glood block',
    source: 'numbers where the contract has digits',
    sends: gloodText(
      '{"event":{"id":"e","name":"glood:section:add_to_cart","customData":{"track":{"section":"s1","products":[{"productId":788032119674292922,"variantId":808950810000000124,"quantity":2}]}}},"session_id":"s"}',
    ),
    event: { product_id: '788032119674292922', variant_id: '808950810000000124', quantity: 2 },
  },
  {
    name: 'an order of 18 digits in Tapcart',
    source: 'ids through JSON.parse',
    sends: tapcartText(
      '{"event":"purchaseCompleted","data":{"orderId":820982911946154508,"lineItems":[{"productId":788032119674292922,"quantity":1}]},"properties":{},"mp_metadata":{"mp_event_id":"e"}}',
    ),
    event: {
      event_type: 'purchase',
      product_id: '788032119674292922',
      data: having({ orderId: '820982911946154508' }),
    },
  },
  {
    name: 'digits in a text are not touched',
    source: 'texts that look like JSON',
    sends: layers({ query: '"id": 820982911946154508, \\"x\\"' }),
    event: { query: '"id": 820982911946154508, \\"x\\"' },
  },
  {
    name: 'prices as they were written',
    source: 'money as texts, numbers and minor units',
    sends: layers({ contextual_data: { a: '44.0', b: 44.1, c: 4400, d: -0.5, e: 1e21 } }),
    event: { contextual_data: { a: '44.0', b: 44.1, c: 4400, d: -0.5, e: 1e21 } },
  },
  {
    name: 'a quantity as digits',
    source: 'form fields',
    sends: glood({
      name: 'product_added_to_cart',
      data: { cartLine: { quantity: '2', merchandise: { id: '41', product: { id: '7' } } } },
    }),
    event: { product_id: '7', variant_id: '41', quantity: 2 },
  },
  {
    name: 'ids of base64 in Glood',
    source: 'the Storefront API until 2022-04',
    sends: glood({
      name: 'product_viewed',
      data: {
        productVariant: {
          id: base64('gid://shopify/ProductVariant/41'),
          product: { id: base64('gid://shopify/Product/7') },
        },
      },
    }),
    event: { product_id: '7', variant_id: '41' },
  },
  {
    name: 'ids of base64 in Tapcart',
    source: 'apps of the old Storefront API',
    sends: tapcart({
      data: { productId: base64('gid://shopify/Product/7'), variantId: base64('gid://shopify/ProductVariant/41') },
    }),
    event: { product_id: '7', variant_id: '41' },
  },
  {
    name: 'a number that JSON does not know',
    source: 'json.dumps of Python writes NaN',
    sends: layersText('{"events":[{"position":NaN}]}'),
    answer: { status: 422, body: /not JSON/ },
    refused: [{ code: 'not_json', reason: /not JSON/ }],
  },
];
