import { glood, gloodText, layers, layersWith, tapcart } from './requests.ts';
import { having, lines, type Row } from './row.ts';

const KEY = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const CART = 'gid://shopify/Cart/hWN5kTq2ZpXc8LrVb3MdYs71';
const CHECKOUT = 'https://shop.example.com/cart/c/hWN5kTq2ZpXc8LrVb3MdYs71';

const cartLine = (product: number, quantity: number) => ({
  id: `gid://shopify/CartLine/${product}?cart=hWN5kTq2ZpXc8LrVb3MdYs71`,
  quantity,
  cost: { totalAmount: { amount: '88.0', currencyCode: 'USD' } },
  merchandise: {
    id: `gid://shopify/ProductVariant/${product}1`,
    title: 'Blue / M',
    product: { id: `gid://shopify/Product/${product}`, title: 'Linen Shirt', vendor: 'Example Apparel' },
  },
});
const two = [cartLine(81, 2), cartLine(82, 1)];
const asLines = lines(
  { product_id: '81', variant_id: '811', quantity: 2 },
  { product_id: '82', variant_id: '821', quantity: 1 },
);
const viewed = (cartLines: unknown) => glood({ name: 'cart_viewed', data: { cart: { id: CART, lines: cartLines } } });

/** A text with the key of a cart, and what of it may leave. */
const texts: readonly (readonly [sent: string, left: string, source: string])[] = [
  [`${CART}?key=${KEY}`, CART, 'Storefront API: cart.id'],
  [`${CHECKOUT}?key=${KEY}`, CHECKOUT, 'Storefront API: cart.checkoutUrl'],
  [`${CHECKOUT}?_s=1&key=${KEY}`, `${CHECKOUT}?_s=1`, 'a key behind other parameters'],
  [`${CHECKOUT}?key=${KEY}&_s=1`, `${CHECKOUT}?_s=1`, 'a key before other parameters'],
  [`${CHECKOUT}?key=${KEY}#payment`, `${CHECKOUT}#payment`, 'a key before a fragment'],
];
const secrets = [KEY];

export const carts: readonly Row[] = [
  ...texts.flatMap(([sent, left, source]): Row[] => [
    {
      name: `in a Glood cart: ${sent}`,
      source,
      sends: glood({ name: 'cart_viewed' }, { cart: { id: sent } }),
      event: { cart: { id: left } },
      secrets,
    },
    {
      name: `in a Layers context: ${sent}`,
      source,
      sends: layers({ contextual_data: { cart: sent } }),
      event: { contextual_data: { cart: left } },
      secrets,
    },
  ]),
  {
    name: 'the key of a cart in Hydrogen’s event',
    source: 'Hydrogen cart_viewed hands over cart.id and cart.checkoutUrl',
    sends: glood({
      name: 'cart_viewed',
      data: { cart: { id: `${CART}?key=${KEY}`, checkoutUrl: `${CHECKOUT}?key=${KEY}` } },
    }),
    event: { data: { cart: { id: CART, checkoutUrl: CHECKOUT } } },
    secrets,
  },
  {
    name: 'the key of a cart in a key that nobody knows',
    source: 'camelCase of the SDK',
    sends: layers({ cartId: `${CART}?key=${KEY}` }),
    event: { extra: { cartId: CART } },
    secrets,
  },
  {
    name: 'the key of a cart in the address of the page',
    source: 'checkout links in mails',
    sends: glood({}, { page_url: `${CHECKOUT}?key=${KEY}&utm_source=mail` }),
    event: { page_url: `${CHECKOUT}?utm_source=mail`, marketing_source: 'mail' },
    secrets,
  },
  {
    name: 'the key of a cart in Tapcart’s data',
    source: 'apps of the Storefront API',
    sends: tapcart({ event: 'checkoutCreated', data: { checkoutUrl: `${CHECKOUT}?key=${KEY}` } }),
    event: { data: { checkoutUrl: CHECKOUT } },
    secrets,
  },
  {
    name: 'the key of a cart with escaped slashes',
    source: 'json_encode of PHP escapes /',
    sends: layersWith(`"contextual_data": {"cart": "${CART.replaceAll('/', '\\/')}?key=${KEY}"}`),
    event: { contextual_data: { cart: CART } },
    secrets,
  },
  {
    name: 'the key of a cart with \\u escapes',
    source: 'json.dumps of Go and of old Ruby escapes &, < and >',
    sends: layersWith(`"contextual_data": {"cart": "${CHECKOUT}?a=1\\u0026key=${KEY}"}`),
    event: { contextual_data: { cart: `${CHECKOUT}?a=1` } },
    secrets,
  },
  {
    name: 'the key of a cart, percent-encoded into another address',
    source: 'return addresses, share links',
    sends: glood(
      {},
      { page_url: `https://shop.example.com/login?return=${encodeURIComponent(`${CHECKOUT}?key=${KEY}`)}` },
    ),
    event: {},
    secrets,
    gone: { page_url: 'without the key' },
  },
  {
    name: 'the key of a cart in JSON in a text',
    source: 'carts kept in local storage',
    sends: layers({ contextual_data: { cart: JSON.stringify({ id: `${CART}?key=${KEY}` }) } }),
    event: { contextual_data: { cart: JSON.stringify({ id: CART }) } },
    secrets,
  },
  {
    name: 'the key of a cart in an event that is refused',
    source: 'operators look at it in quarantine',
    sends: layers({ product_id: 'x', contextual_data: { cart: `${CART}?key=${KEY}` } }),
    refused: [{ code: 'invalid', reason: /product_id/ }],
    secrets,
  },
  {
    name: 'the key of a cart in a body that is no JSON',
    source: 'a beacon that was cut at 64 KB',
    sends: gloodText(`{"event":{"id":"e","name":"cart_viewed"},"cart":{"id":"${CART}?key=${KEY}"`),
    answer: { status: 400, body: /not JSON/ },
    refused: [{ code: 'not_json', reason: /not JSON/ }],
    secrets,
  },
  {
    name: 'a key that is none of a cart',
    source: 'images, maps',
    sends: layers({ contextual_data: { image: 'https://cdn.example.com/a.png?key=public' } }),
    event: { contextual_data: { image: 'https://cdn.example.com/a.png?key=public' } },
  },
  {
    name: 'a cart whose lines are nodes',
    source: 'Hydrogen, by default',
    sends: viewed({ nodes: two }),
    event: { products: asLines },
  },
  {
    name: 'a cart whose lines are edges',
    source: 'Storefront API; gave no products',
    sends: viewed({ edges: two.map((node) => ({ node, cursor: 'c' })) }),
    event: { products: asLines },
  },
  {
    name: 'a cart whose lines are a list',
    source: 'web pixels, Hydrogen React',
    sends: viewed(two),
    event: { products: asLines },
  },
  {
    name: 'a cart with lines that are null',
    source: 'connections with holes',
    sends: viewed({ edges: [null, { node: null }, { node: two[0] }, { node: two[1] }] }),
    event: { products: asLines },
  },
  {
    name: 'a cart that is null',
    source: 'web pixels: cart_viewed of an empty cart',
    sends: glood({ name: 'cart_viewed', data: { cart: null } }),
    event: { products: undefined },
  },
  {
    name: 'a cart line that is null',
    source: 'web pixels: cartLine may be null',
    sends: glood({ name: 'product_added_to_cart', data: { cartLine: null } }),
    event: { event_type: 'add_to_cart', product_id: undefined },
  },
  {
    name: 'a line that grew from 2 to 5',
    source: 'Hydrogen: quantities are absolute, the difference counts',
    sends: glood({ name: 'product_added_to_cart', data: { prevLine: cartLine(81, 2), currentLine: cartLine(81, 5) } }),
    event: { product_id: '81', variant_id: '811', quantity: 3 },
  },
  {
    name: 'a line that is gone',
    source: 'Hydrogen: no currentLine',
    sends: glood({ name: 'product_removed_from_cart', data: { prevLine: cartLine(81, 2) } }),
    event: { event_type: 'remove_from_cart', product_id: '81', quantity: 2 },
  },
  {
    name: 'a Hydrogen product view with gids and money as texts',
    source: 'Hydrogen 2026.4, product_viewed',
    sends: glood({
      name: 'product_viewed',
      data: {
        url: 'https://shop.example.com/products/linen-shirt',
        products: [
          { id: 'gid://shopify/Product/81', variantId: 'gid://shopify/ProductVariant/811', price: '44.0', quantity: 1 },
        ],
      },
    }),
    event: { product_id: '81', variant_id: '811', quantity: 1 },
  },
  {
    name: 'a web pixel’s search with products',
    source: 'web-pixels-extension 2.18',
    sends: glood({
      name: 'search_submitted',
      data: {
        searchResult: {
          query: 'shirt',
          productVariants: [
            { id: '811', product: { id: '81' } },
            { id: null, product: { id: '82' } },
          ],
        },
      },
    }),
    event: { query: 'shirt', products: lines({ product_id: '81', variant_id: '811' }, { product_id: '82' }) },
  },
  {
    name: 'a web pixel’s collection without a handle',
    source: 'web-pixels-extension 2.18: id and title only',
    sends: glood({
      name: 'collection_viewed',
      data: { collection: { id: '9', title: 'Summer', productVariants: [] } },
    }),
    event: { collection_handle: undefined, data: having({ collection: { id: '9', title: 'Summer' } }) },
  },
  {
    name: 'a checkout with an order’s gid',
    source: 'Shopify/cli#1630: gid://shopify/OrderIdentity, by store',
    sends: glood({
      name: 'checkout_completed',
      data: {
        checkout: {
          token: 'hWN5kTq2ZpXc8LrVb3MdYs71',
          order: { id: 'gid://shopify/OrderIdentity/6203948571234', customer: null },
          lineItems: [
            { quantity: 2, variant: { id: '811', product: { id: '81' } } },
            { quantity: 1, variant: null },
          ],
        },
      },
    }),
    event: { event_type: 'purchase', products: lines({ product_id: '81', variant_id: '811', quantity: 2 }) },
  },
  {
    name: 'a checkout with protected data taken out',
    source: 'app pixels since 10 Dec 2025: null',
    sends: glood({
      name: 'checkout_started',
      data: { checkout: { email: null, phone: null, billingAddress: null, lineItems: [] } },
    }),
    event: { event_type: 'checkout_start', products: undefined },
  },
  {
    name: 'a purchase of Checkout Sheet Kit',
    source: 'checkout-sheet-kit 3: orderDetails',
    sends: gloodText(
      JSON.stringify({
        event: {
          id: 'e',
          name: 'checkout_completed',
          data: {
            orderDetails: {
              id: 'gid://shopify/OrderIdentity/6203948571234',
              cart: {
                token: 'hWN5kTq2ZpXc8LrVb3MdYs71',
                lines: [{ merchandiseId: 'gid://shopify/ProductVariant/811', quantity: 2 }],
              },
            },
          },
        },
        session_id: 's',
      }),
    ),
    event: {
      event_type: 'purchase',
      data: having({ orderDetails: { id: 'gid://shopify/OrderIdentity/6203948571234' } }),
    },
  },
];
