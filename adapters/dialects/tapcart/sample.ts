import { type Examples, exampleIn, PRODUCT, SAMPLE_SESSION, type Sample } from '../sample.ts';

const { product_id, variant_id, title } = PRODUCT;
const bought = { product_id, variant_id };

/** What stands in `data`. */
const examples: Examples = {
  applicationInstalled: {},
  applicationOpened: {},
  cartAdd: { ...bought, product_title: title, variant_price: '49.90', multi_currency_code: 'EUR' },
  cartRemove: bought,
  cartUpdated: { ...bought, quantity_updated: '2', update_type: 'quantity_added' },
  checkoutCreated: { checkout_id: 'demo-checkout', lineItems: [{ ...bought, quantity: 1 }] },
  collectionViewed: { collection_id: '271830220858', collection_handle: 'summer', collection_title: 'Summer' },
  loggedIn: {},
  loggedOut: {},
  pageView: { page: 'home' },
  search: { query: 'shirt' },
  productViewed: { product: { id: product_id, title }, variant: { id: variant_id } },
  purchaseCompleted: {
    checkout_id: 'demo-checkout',
    order_id: '5123456789012',
    currency_code: 'EUR',
    total_price: '49.90',
    product_ids: [product_id],
  },
  pushOpened: {},
  wishlistItemAdded: { product_id },
};

export const tapcartSample: Sample = {
  type: 'pageView',
  namesShop: false,
  fieldsOf: 'body',
  request: ({ token, type, fields, id }) => {
    const metadata = { mp_event_id: id, mp_session_id: SAMPLE_SESSION, ...Object(fields.mp_metadata) };
    const device = { id: SAMPLE_SESSION, operatingSystem: 'iOS' };
    const body = { event: type, data: exampleIn(examples, type), properties: { device }, ...fields };
    return {
      // Tapcart itself sends the token in the URL. A header is better here: no router logs it.
      headers: { Authorization: `Bearer ${token}` },
      body: { ...body, mp_metadata: metadata },
      id: String(metadata.mp_event_id),
    };
  },
};
