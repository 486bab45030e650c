import { type Examples, exampleIn, PRODUCT, SAMPLE_SESSION, type Sample, type SampleWish } from '../sample.ts';
import { list, object } from '../values.ts';

const { product_id, variant_id, title } = PRODUCT;
const price = { amount: 49.9, currencyCode: 'EUR' };
const product = { id: product_id, title, vendor: 'Demo', type: 'Shirts' };
const productVariant = { id: variant_id, sku: 'SHIRT-M', title: 'M', price, product };
const cost = { totalAmount: price };
const cartLine = { quantity: 1, merchandise: productVariant, cost };
const lineItem = { quantity: 1, title, variant: productVariant, finalLinePrice: price };
const checkout = {
  token: 'demo-checkout',
  currencyCode: price.currencyCode,
  subtotalPrice: price,
  totalPrice: price,
  lineItems: [lineItem],
};
const track = {
  products: [{ productId: product_id, variantId: variant_id, quantity: 1 }],
  parent: { productId: '7003338997946', variantId: '41218393375906' },
};
const section = { customData: { track: { section: '219670', sectionServeId: 'demo-serve', ...track } } };
const bundle = { customData: { track: { bundle: '3107', ...track } } };
const offer = { customData: { track: { offer: '52', ...track } } };

/** What stands in `event`. */
const examples: Examples = {
  page_viewed: {},
  product_viewed: { data: { productVariant } },
  product_added_to_cart: { data: { cartLine } },
  product_removed_from_cart: { data: { cartLine } },
  cart_viewed: { data: { cart: { lines: [cartLine], totalQuantity: 1, cost } } },
  checkout_started: { data: { checkout } },
  checkout_completed: { data: { checkout: { ...checkout, order: { id: '5123456789012' } } } },
  checkout_shipping_info_submitted: { data: { checkout } },
  checkout_contact_info_submitted: { data: { checkout } },
  checkout_address_info_submitted: { data: { checkout } },
  payment_info_submitted: { data: { checkout } },
  collection_viewed: { data: { collection: { handle: 'summer', title: 'Summer', productVariants: [productVariant] } } },
  search_submitted: { data: { searchResult: { query: 'shirt', productVariants: [productVariant] } } },
  'glood:section:view': section,
  'glood:section:click': section,
  'glood:section:add_to_cart': section,
  'glood:section:render': section,
  'glood:bundle:view': bundle,
  'glood:bundle:click': bundle,
  'glood:bundle:add_to_cart': bundle,
  'glood:bundle:render': bundle,
  'glood:checkout:render': offer,
  'glood:checkout:add_to_cart': offer,
  'glood:checkout:offer_accept': offer,
  'glood:checkout:offer_reject': offer,
  'glood:checkout:click': offer,
  'glood:init': {},
  'glood:customer_preference': { customData: { preference: 'new arrivals' } },
};

const headersOf = ({ token, shop }: SampleWish) => ({ Authorization: `Bearer ${token}`, 'X-Shop': shop });

export const gloodSample: Sample = {
  type: 'page_viewed',
  namesShop: true,
  fieldsOf: 'body',
  request: (wish) => {
    const { type, fields, time: timestamp, id } = wish;
    const event = { id, name: type, timestamp, ...exampleIn(examples, type), ...Object(fields.event) };
    return {
      headers: headersOf(wish),
      body: { session_id: SAMPLE_SESSION, ...fields, event },
      id: String(event.id),
    };
  },
};

export const gloodInitSample: Sample = {
  namesShop: true,
  fieldsOf: 'body',
  request: (wish) => ({ headers: headersOf(wish), body: wish.fields, id: undefined }),
  told: ({ visit_id, user_id, client_id, visitor }) => {
    const count = (name: string) => list(object(visitor)?.[name]).length;
    return {
      about: `visit ${String(visit_id)}`,
      lines: [
        `The visitor is user ${String(user_id)} and client ${String(client_id)}. Products known of them: ${count('browsed_products')} seen, ${count('cart_products')} in the cart, ${count('purchased_products')} bought.`,
        `Events of this visit: headless-events send --dialect glood --data '{"session_id":"${String(visit_id)}"}'`,
      ],
    };
  },
};
