// The id of a Storefront cart with its `?key=` opens the cart, and so does the URL of a checkout or an order, which shows the buyer's address.
// Receivers and operators must not get the key. Texts may be escaped (JSON), percent-encoded (URLs within URLs), or both.

const slash = String.raw`(?:\\{0,4}\/|\\{1,4}u002f|%(?:25){0,3}2f)`;
const ask = String.raw`(?:\?|\\{1,4}u003f|%(?:25){0,3}3f)`;
const and = String.raw`(?:&(?:amp;)?|\\{1,4}u0026|%(?:25){0,3}26)`;
const is = String.raw`(?:=|\\{1,4}u003d|%(?:25){0,3}3d)`;
const value = String.raw`(?:[^&#\\%]|%(?!(?:25){0,3}(?:26|23|22|20)))*`;

/**
 * What may carry a key: the id or URL of a cart, the URL of a checkout, the status page of an order, or a parameter or cookie with one of these.
 */
const CART = new RegExp(`${slash}(?:cart|checkouts?|orders?)(?:${slash}|${ask})|\\bcart\\w{0,6}${is}`, 'i');
/** The part of a Cart's gid that some clients keep alone. */
const TOKEN = /^(?=\D{0,100}\d)[\w-]{16,200}\?/;
const KEY = new RegExp(`(${ask}|${and}|#)(?:key${is}${value}${and})*key${is}${value}(${and})?`, 'gi');
/** The query or fragment of a `location`. */
const QUERY = /^[?#]/;
/** A piece of text without separators, so that each piece is searched once. */
const PIECE = /[^\s"'<>]+/g;
/** "gid://shopify/" and a longer id, in base64. */
const GID = /Z2lkOi8vc2hvcGlmeS9[A-Za-z0-9+/_-]{20,}={0,2}/g;

const SUSPECT = /key(?:=|%|\\+u00)|Z2lkOi8vc2hvcGlmeS9[\w+/-]{20}/i;
/** The same of "gid://shopify/" alone. */
const SUSPECT_GID = /Z2lkOi8vc2hvcGlmeS9[\w+/-]{20}/;
/** One of the characters of `?key=`, escaped. */
const ESCAPED = /\\u00(?:3f|6b|65|79|4b|45|59|3d)/i;

/** Whether a text may hold a key, also as JSON. Most texts have none of the characters that follow its name, and cost little more than one search. */
export function maySayCartKey(text: string): boolean {
  if (!text.includes('=') && !text.includes('%') && !text.includes('\\')) return SUSPECT_GID.test(text);
  return SUSPECT.test(text) || (text.includes('\\u') && ESCAPED.test(text));
}

/** Removes the keys of carts and checkouts from a text. Linear in its length. */
export function withoutCartKeys(text: string): string {
  return SUSPECT.test(text) ? text.replace(PIECE, withoutKey) : text;
}

function withoutKey(piece: string): string {
  const at = TOKEN.test(piece) ? 0 : piece.search(CART);
  const clean = at < 0 ? piece : piece.slice(0, at) + withoutParameter(piece.slice(at));
  return clean.replace(GID, withoutKeyInBase64);
}

/** If something follows, one separator stays: that of the outer URL, if the key was the last parameter of an inner one. */
const withoutParameter = (text: string): string =>
  text.replace(KEY, (_, before: string, more = '') => (levelOf(before) === levelOf(more) ? before : more));

/** The level of encoding of a separator: how long it is. */
const levelOf = (separator: string): number =>
  separator === '' ? -1 : separator.startsWith('%') ? separator.length : 0;

function withoutKeyInBase64(id: string): string {
  const plain = Buffer.from(id, 'base64').toString('latin1');
  const clean = withoutParameter(plain);
  return clean === plain ? id : Buffer.from(clean, 'latin1').toString(/[-_]/.test(id) ? 'base64url' : 'base64');
}

/**
 * Removes the keys of carts and checkouts from all texts and names of a parsed value. Changes the value and returns it. `text`: what it was
 * parsed from; most texts cost one search. Queries without a URL (`location.search`) lose their keys too if a cart's URL is beside them.
 */
export function clearCartKeys(parsed: unknown, text: string): unknown {
  if (!maySayCartKey(text)) return parsed;
  if (typeof parsed === 'string') return withoutCartKeys(parsed);
  if (typeof parsed !== 'object' || parsed === null) return parsed;
  // An explicit list instead of recursion, because a client decides how deep the value is.
  const open: object[] = [parsed];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (Array.isArray(node)) clearList(node, open);
    else clearObject(node as Record<string, unknown>, open);
  }
  return parsed;
}

function clearList(list: unknown[], open: object[]): void {
  for (const [at, one] of list.entries()) {
    if (typeof one === 'string') list[at] = withoutCartKeys(one);
    else if (typeof one === 'object' && one !== null) open.push(one);
  }
}

function clearObject(node: Record<string, unknown>, open: object[]): void {
  const names = Object.keys(node);
  let isByCart: boolean | undefined;
  for (const name of names) {
    const one = node[name];
    if (typeof one === 'string' && SUSPECT.test(one)) {
      if (QUERY.test(one)) isByCart ??= names.some((other) => saysCart(node[other]));
      node[name] = isByCart && QUERY.test(one) ? withoutParameter(one) : withoutCartKeys(one);
    } else if (typeof one === 'object' && one !== null) open.push(one);
    const clean = name.length < SHORTEST ? name : withoutCartKeys(name);
    if (clean === name) continue;
    node[clean] = node[name];
    delete node[name];
  }
}

const saysCart = (value: unknown): boolean => typeof value === 'string' && CART.test(value);

/** Length of the shortest text with a cart and a key. */
const SHORTEST = '/cart?key='.length;

/** A value from a log without the keys of carts and checkouts; the same value if it has none. */
export function withoutCartKeysIn<T>(value: T): T {
  const text = JSON.stringify(value);
  return text !== undefined && maySayCartKey(text) ? (clearCartKeys(JSON.parse(text), text) as T) : value;
}
