const digits = /^[0-9]{1,20}$/;
const gid = /^gid:\/\/shopify\/([A-Za-z]+)\/([0-9]{1,20})(?:\?.*)?$/;
/** A gid, percent-encoded. */
const encoded = /^gid%3a%2f%2fshopify%2f([a-z]+)%2f([0-9]{1,20})(?:%3f.*)?$/i;
/** A gid in base64: the ids of the Storefront API until 2022, which some clients still store. */
const base64 = /^Z2lkOi8vc2hvcGlmeS[A-Za-z0-9+/_-]{4,200}={0,2}$/;

/** Matches text that may be a Shopify id. */
export const shopifyIdPattern =
  '^(?:[0-9]{1,20}|gid://shopify/[A-Za-z]+/[0-9]{1,20}(?:\\?.*)?|gid%3[Aa]%2[Ff]%2[Ff].+|Z2lkOi8vc2hvcGlmeS.+)$';

/** A Shopify id as digits, read from a whole number, digits, or a gid (plain, in base64 or percent-encoded); undefined for anything else. */
export function shopifyId(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined;
  if (typeof value !== 'string') return undefined;
  return digits.test(value) ? value : shopifyGid(value)?.id;
}

/** Reads a gid in any of its forms: the type of thing, such as Product, and the digits of its id. */
export function shopifyGid(value: unknown): { readonly type: string; readonly id: string } | undefined {
  if (typeof value !== 'string') return undefined;
  const plain = base64.test(value) ? Buffer.from(value, 'base64').toString('latin1') : value;
  const [, type, id] = gid.exec(plain) ?? encoded.exec(plain) ?? [];
  return type && id ? { type, id } : undefined;
}
