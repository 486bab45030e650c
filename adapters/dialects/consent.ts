import type { Consent } from '../../schemas/event.ts';
import { type Json, present } from './values.ts';

/** The names of each purpose: Shopify's pixels, Hydrogen, and Hydrogen's current visitor consent. */
const spellings = {
  analytics: ['analyticsProcessingAllowed', 'analyticsAllowed', 'analytics'],
  marketing: ['marketingAllowed', 'marketing'],
  preferences: ['preferencesProcessingAllowed', 'preferencesAllowed', 'preferences'],
  sale_of_data: ['saleOfDataAllowed', 'sale_of_data'],
} as const;

export const consentKeys: ReadonlySet<string> = new Set(Object.values(spellings).flat());

/** What the shopper allows, as far as it was stated; undefined if nothing was. Stated twice and differently, a purpose is denied. */
export function consent(privacy: Json | undefined): Consent | undefined {
  if (!privacy) return undefined;
  const stated = present({
    analytics: purpose(privacy, spellings.analytics),
    marketing: purpose(privacy, spellings.marketing),
    preferences: purpose(privacy, spellings.preferences),
    sale_of_data: purpose(privacy, spellings.sale_of_data),
  });
  return Object.keys(stated).length > 0 ? stated : undefined;
}

function purpose(privacy: Json, names: readonly string[]): boolean | undefined {
  const choices = names.map((name) => choice(privacy[name])).filter((one) => one !== undefined);
  return choices.length > 0 ? choices.every(Boolean) : undefined;
}

function choice(value: unknown): boolean | undefined {
  if (value === true || value === 'yes') return true;
  return value === false || value === 'no' ? false : undefined;
}
