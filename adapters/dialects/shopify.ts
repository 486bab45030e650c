import type { ProductLine } from '../../schemas/event.ts';
import { digits } from './ids.ts';
import { type Json, list, number, object, present, text } from './values.ts';

/**
 * What the payload of a standard event says in the model's words. Read as Shopify's web pixels send it, as Hydrogen's
 * bus does, and with plain product_id keys; anything may be missing or null. One product is the event's own, several are its products.
 */
export function standardPayload(data: Json) {
  const listed = lines(data.products, true);
  const subject = ownProduct(data) ?? (listed.length === 1 ? listed[0] : undefined);
  const products = subject ? [] : [listed, ...variantLists(data)].find((found) => found.length > 0);
  return present({
    ...subject,
    products: listed.length > 1 ? listed : products?.length ? products : undefined,
    query: text(object(data.searchResult)?.query) ?? text(data.searchTerm) ?? text(data.query),
    collection_handle:
      text(object(data.collection)?.handle) ?? text(data.collectionHandle) ?? text(data.collection_handle),
  });
}

const ownProduct = (data: Json): ProductLine | undefined =>
  line(data.productVariant) ?? line(data.cartLine) ?? changedLine(data) ?? line(data);

const variantLists = (data: Json): ProductLine[][] => [
  lines(object(data.collection)?.productVariants),
  lines(object(data.searchResult)?.productVariants),
  lines(object(data.checkout)?.lineItems),
  lines(object(data.cart)?.lines),
];

/** Hydrogen says what a cart line was and what it is now; the event is about the difference. */
function changedLine({ currentLine, prevLine }: Json): ProductLine | undefined {
  const found = line(currentLine) ?? line(prevLine);
  const change = Math.abs((line(currentLine)?.quantity ?? 0) - (line(prevLine)?.quantity ?? 0));
  return found && present({ ...found, quantity: change || undefined });
}

/** The products of a list, or of a GraphQL connection. Where only `id` is given, `idIsProduct` says that it names the product. */
export const lines = (value: unknown, idIsProduct = false): ProductLine[] =>
  list(object(value)?.nodes ?? value)
    .map((item) => line(item, idIsProduct))
    .filter((found) => found !== undefined);

/** One product: a variant with its product, a cart or checkout line around it, or plain ids. */
export function line(value: unknown, idIsProduct = false): ProductLine | undefined {
  const item = object(value);
  if (!item) return undefined;
  const variant = object(item.merchandise) ?? object(item.variant) ?? (object(item.product) ? item : undefined);
  const own = idIsProduct ? item.id : undefined;
  const found = present({
    product_id: anyDigits(item.productId, item.product_id, object(variant?.product)?.id, own),
    variant_id: anyDigits(item.variantId, item.variant_id, variant?.id),
    quantity: number(item.quantity),
    position: number(item.position),
  });
  return found.product_id || found.variant_id ? found : undefined;
}

const anyDigits = (...values: readonly unknown[]): string | undefined =>
  values.map(digits).find((found) => found !== undefined);
