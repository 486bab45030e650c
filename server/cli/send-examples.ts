/*
 * What an event of each type may say, so that `send --type …` brings one that its contract takes and that every destination can make
 * something of. What is sent beside these, and by --data, wins.
 */

type Fields = Readonly<Record<string, unknown>>;
type Examples = Readonly<Record<string, Fields>>;

const PRODUCT = '7003338965178';
const VARIANT = '41218393342138';
const price = { amount: 49.9, currencyCode: 'EUR' };
const product = { id: PRODUCT, title: 'Linen shirt', vendor: 'Demo', type: 'Shirts' };
const productVariant = { id: VARIANT, sku: 'SHIRT-M', title: 'M', price, product };

const shown = { product_id: PRODUCT, variant_id: VARIANT };
const inList = { ...shown, position: 1 };

export const layersExamples: Examples = {
  product_view: shown,
  product_click: inList,
  product_impression: inList,
  product_hover: inList,
  product_touch: inList,
  add_to_cart: shown,
  collection_view: { collection_handle: 'summer' },
  search: { query: 'shirt' },
  autocomplete: { query: 'shi' },
  block_view: { block_id: 'home-hero' },
};

const cost = { totalAmount: price };
const cartLine = { quantity: 1, merchandise: productVariant, cost };
const lineItem = { quantity: 1, title: product.title, variant: productVariant, finalLinePrice: price };
const checkout = {
  token: 'demo-checkout',
  currencyCode: price.currencyCode,
  subtotalPrice: price,
  totalPrice: price,
  lineItems: [lineItem],
};
const track = {
  products: [{ productId: PRODUCT, variantId: VARIANT, quantity: 1 }],
  parent: { productId: '7003338997946', variantId: '41218393375906' },
};
const section = { customData: { track: { section: '219670', sectionServeId: 'demo-serve', ...track } } };
const bundle = { customData: { track: { bundle: '3107', ...track } } };
const offer = { customData: { track: { offer: '52', ...track } } };

/** What stands in `event`. */
export const gloodExamples: Examples = {
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

const bought = { product_id: PRODUCT, variant_id: VARIANT };

/** What stands in `data`. */
export const tapcartExamples: Examples = {
  applicationInstalled: {},
  applicationOpened: {},
  cartAdd: { ...bought, product_title: product.title, variant_price: '49.90', multi_currency_code: 'EUR' },
  cartRemove: bought,
  cartUpdated: { ...bought, quantity_updated: '2', update_type: 'quantity_added' },
  checkoutCreated: { checkout_id: 'demo-checkout', lineItems: [{ ...bought, quantity: 1 }] },
  collectionViewed: { collection_id: '271830220858', collection_handle: 'summer', collection_title: 'Summer' },
  loggedIn: {},
  loggedOut: {},
  pageView: { page: 'home' },
  search: { query: 'shirt' },
  productViewed: { product: { id: PRODUCT, title: product.title }, variant: { id: VARIANT } },
  purchaseCompleted: {
    checkout_id: 'demo-checkout',
    order_id: '5123456789012',
    currency_code: 'EUR',
    total_price: '49.90',
    product_ids: [PRODUCT],
  },
  pushOpened: {},
  wishlistItemAdded: { product_id: PRODUCT },
};
