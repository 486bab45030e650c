import { anyId } from '../ids.ts';
import { line, lines } from '../shopify.ts';
import { type Json, object, text, withoutUndefined } from '../values.ts';

export type BlockType = 'section' | 'bundle' | 'checkout';

/** The keys with the id of each kind of block, seen or expected: payloads of bundles and checkouts are not documented. */
const idKeys: Readonly<Record<BlockType, readonly string[]>> = {
  section: ['section', 'sectionId', 'section_id'],
  bundle: ['bundle', 'bundleId', 'bundle_id', 'section'],
  checkout: ['offer', 'offerId', 'offer_id', 'checkout', 'checkoutId', 'section'],
};

/** The recommendation block of a glood:* event. `chosen`: the event is about one product, not all that were shown. */
export function blockPayload(track: Json, type: BlockType, chosen: boolean) {
  const products = lines(track.products, true);
  const parent = line(track.parent, true);
  return withoutUndefined({
    ...(chosen ? (products.length === 1 ? products[0] : line(track)) : undefined),
    products: products.length > 0 ? products : undefined,
    parent: parent && withoutUndefined({ product_id: parent.product_id, variant_id: parent.variant_id }),
    block_id: firstId(track, idKeys[type]),
    block_type: type,
    serve_id: firstId(track, [`${type}ServeId`, 'sectionServeId', 'serveId', 'serve_id']),
    request_id: firstId(track, ['requestId', 'request_id']),
    recommendation_type: text(track.recommendationType) ?? text(track.recommendation_type),
    page_id: firstId(track, ['page', 'pageId', 'page_id']),
  });
}

/** The first of these keys that holds an id, or an object with one. */
const firstId = (track: Json, keys: readonly string[]): string | undefined =>
  keys.map((key) => anyId(track[key]) ?? anyId(object(track[key])?.id)).find((found) => found !== undefined);
