// In JSON a slash may be escaped. Bounded, so that no text is searched through again and again.
const KEY =
  /((?:shopify(?:\\?\/)Cart(?:\\?\/)|(?:\\?\/)cart(?:\\?\/)c(?:\\?\/))[^"?\s]{1,300}\?(?:[^"#?\s]{0,500}&)?)key=[^"&#\s\\]*(&?)/gi;

/**
 * A text without the keys of carts: who has the id of a Storefront cart or the address of a checkout with its `?key=` reads the cart, with
 * the buyer's address. What goes to receivers must not carry it.
 */
export function withoutCartKeys(text: string): string {
  if (!/key=/i.test(text)) return text;
  return text.replace(KEY, (_, before: string, more: string) => (more === '' ? before.slice(0, -1) : before));
}
