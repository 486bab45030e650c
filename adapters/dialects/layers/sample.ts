import { type Examples, exampleIn, PRODUCT, SAMPLE_SESSION, type Sample } from '../sample.ts';

const shown = { product_id: PRODUCT.product_id, variant_id: PRODUCT.variant_id };
const inList = { ...shown, position: 1 };

const examples: Examples = {
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

export const layersSample: Sample = {
  type: 'product_view',
  namesShop: false,
  fieldsOf: 'event',
  request: ({ token, type, fields, time, id }) => {
    const event: Record<string, unknown> = {
      event_id: id,
      event_type: type,
      timestamp: time,
      session_id: SAMPLE_SESSION,
      ...exampleIn(examples, type),
      ...fields,
    };
    return {
      headers: { 'X-Storefront-Access-Token': token },
      body: { events: [event] },
      id: String(event.event_id),
    };
  },
};
