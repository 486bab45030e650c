import type { ProductLine } from '../../schemas/event.ts';
import { shopifyGid } from '../../schemas/shopify-id.ts';
import { digits } from './ids.ts';
import { type Json, list, number, object, text, withoutUndefined } from './values.ts';

/**
 * Reads the payload of a standard event: as Shopify's web pixels send it, as Hydrogen's bus does, and with plain product_id keys. Anything may
 * be missing or null. One product belongs to the event itself; several are its products.
 */
export function standardPayload(data: Json) {
  const listed = lines(data.products, true);
  const subject = ownProduct(data) ?? (listed.length === 1 ? listed[0] : undefined);
  const products = subject ? [] : [listed, ...variantLists(data)].find((found) => found.length > 0);
  return withoutUndefined({
    ...subject,
    products: listed.length > 1 ? listed : products?.length ? products : undefined,
    query: text(object(data.searchResult)?.query) ?? text(data.searchTerm) ?? text(data.query),
    collection_handle:
      text(object(data.collection)?.handle) ?? text(data.collectionHandle) ?? text(data.collection_handle),
  });
}

const ownProduct = (data: Json): ProductLine | undefined =>
  line(data.productVariant) ?? line(data.cartLine) ?? changedLine(data) ?? line(data);

const variantLists = (data: Json): ProductLine[][] => {
  const [collection, checkout, order] = [data.collection, data.checkout, data.orderDetails].map(object);
  return [
    lines(collection?.productVariants),
    lines(collection?.products, true),
    lines(object(data.searchResult)?.productVariants),
    lines(checkout?.lineItems),
    lines(checkout?.lines),
    lines(object(data.cart)?.lines),
    lines(object(order?.cart)?.lines),
  ];
};

/** Hydrogen sends a cart line before and after the change. The event is about the difference. */
function changedLine({ currentLine, prevLine }: Json): ProductLine | undefined {
  const found = line(currentLine) ?? line(prevLine);
  const change = Math.abs((line(currentLine)?.quantity ?? 0) - (line(prevLine)?.quantity ?? 0));
  return found && withoutUndefined({ ...found, quantity: change || undefined });
}

/** The products of a list or a GraphQL connection. `idIsProduct`: a lone `id` names the product. */
export const lines = (value: unknown, idIsProduct = false): ProductLine[] =>
  entries(value)
    .map((item) => line(object(item)?.node ?? item, idIsProduct))
    .filter((found) => found !== undefined);

/** A connection has its entries as `nodes`, or as `edges` around them, by how it was asked for. */
function entries(value: unknown): readonly unknown[] {
  const { nodes, edges } = object(value) ?? {};
  if (nodes === undefined && edges === undefined) return list(value);
  return list(nodes).length > 0 ? list(nodes) : list(edges);
}

/** One product: a variant with its product, a cart or checkout line around it, or plain ids. */
export function line(value: unknown, idIsProduct = false): ProductLine | undefined {
  const item = object(value);
  if (!item) return undefined;
  const variant = object(item.merchandise) ?? object(item.variant) ?? (object(item.product) ? item : undefined);
  const product = object(variant?.product);
  const chosen = [item, product].map(
    (one) => object(one?.selectedVariant) ?? object(one?.selectedOrFirstAvailableVariant),
  );
  const found = withoutUndefined({
    product_id: first(
      ...[item.productId, item.product_id, product?.id].map(digits),
      idNaming('Product', item.id, idIsProduct),
    ),
    variant_id: first(
      ...[item.variantId, item.variant_id, item.merchandiseId].map(digits),
      idNaming('ProductVariant', variant?.id, true),
      idNaming('ProductVariant', item.id, false),
      ...chosen.map((one) => digits(one?.id)),
    ),
    quantity: number(item.quantity),
    position: number(item.position),
  });
  return found.product_id || found.variant_id ? found : undefined;
}

/** The id of a thing of this type. A gid names its type; for plain digits `isLikely` says whether they may be meant. */
function idNaming(type: 'Product' | 'ProductVariant', value: unknown, isLikely: boolean): string | undefined {
  const named = shopifyGid(value);
  if (named) return named.type === type ? named.id : undefined;
  return isLikely ? digits(value) : undefined;
}

const first = (...values: readonly (string | undefined)[]): string | undefined =>
  values.find((found) => found !== undefined);
