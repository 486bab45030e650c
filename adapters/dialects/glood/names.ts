import type { BlockType } from './block.ts';
import type { GloodName } from './shapes.ts';

export interface Meaning {
  /** The model's name for it. */
  readonly type: string;
  readonly block?: BlockType;
  /** Whether it is about one product of a block that the shopper chose. */
  readonly chosen?: boolean;
}

const shown = (block: BlockType, type: 'block_view' | 'block_render'): Meaning => ({ type, block });
const chosen = (block: BlockType, type: string): Meaning => ({ type, block, chosen: true });

/** What each of the contract's names means in the model. */
const meanings: Readonly<Record<GloodName, Meaning>> = {
  page_viewed: { type: 'page_view' },
  product_viewed: { type: 'product_view' },
  product_added_to_cart: { type: 'add_to_cart' },
  product_removed_from_cart: { type: 'remove_from_cart' },
  cart_viewed: { type: 'cart_view' },
  checkout_started: { type: 'checkout_start' },
  checkout_completed: { type: 'purchase' },
  checkout_shipping_info_submitted: { type: 'checkout_shipping_info' },
  checkout_contact_info_submitted: { type: 'checkout_contact_info' },
  checkout_address_info_submitted: { type: 'checkout_address_info' },
  payment_info_submitted: { type: 'checkout_payment_info' },
  collection_viewed: { type: 'collection_view' },
  search_submitted: { type: 'search' },
  'glood:section:view': shown('section', 'block_view'),
  'glood:section:click': chosen('section', 'product_click'),
  'glood:section:add_to_cart': chosen('section', 'add_to_cart'),
  'glood:section:render': shown('section', 'block_render'),
  'glood:bundle:view': shown('bundle', 'block_view'),
  'glood:bundle:click': chosen('bundle', 'product_click'),
  'glood:bundle:add_to_cart': chosen('bundle', 'add_to_cart'),
  'glood:bundle:render': shown('bundle', 'block_render'),
  'glood:checkout:render': shown('checkout', 'block_render'),
  'glood:checkout:add_to_cart': chosen('checkout', 'add_to_cart'),
  'glood:checkout:offer_accept': chosen('checkout', 'offer_accept'),
  'glood:checkout:offer_reject': chosen('checkout', 'offer_reject'),
  'glood:checkout:click': chosen('checkout', 'product_click'),
  'glood:init': { type: 'session_start' },
  'glood:customer_preference': { type: 'customer_preference' },
};

/** The model's type of each name. */
export const canonicalTypes: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(meanings).map(([name, { type }]) => [name, type]),
);

/** The meaning of a name; a shop's own name means itself. */
export const meaning = (name: string): Meaning =>
  Object.hasOwn(meanings, name) ? meanings[name as GloodName] : { type: name };
