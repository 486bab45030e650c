import type { GeoFamily } from '../../../schemas/settings.ts';

/** A location as an edge or a database states it, unchecked. */
export interface Claim {
  readonly country?: string | undefined;
  readonly state?: string | undefined;
  readonly city?: string | undefined;
}

/** How one edge (CDN or proxy) states where a shopper is. */
export interface Family {
  readonly headers: readonly string[];
  /** Gets the values of `headers`, in their order. */
  readonly claim: (...values: readonly (string | undefined)[]) => Claim;
}

/** The edges whose geo headers can be read, and how. */
export const geoFamilies = {
  cloudflare: { headers: ['cf-ipcountry', 'cf-region-code', 'cf-ipcity'], claim: inUtf8 },
  vercel: {
    headers: ['x-vercel-ip-country', 'x-vercel-ip-country-region', 'x-vercel-ip-city'],
    claim: percentEncoded,
  },
  cloudfront: {
    headers: ['cloudfront-viewer-country', 'cloudfront-viewer-country-region', 'cloudfront-viewer-city'],
    claim: percentEncoded,
  },
  appengine: { headers: ['x-appengine-country', 'x-appengine-region', 'x-appengine-city'], claim: inUtf8 },
  netlify: { headers: ['x-nf-geo', 'x-country'], claim: netlify },
  // Fastly and Google add no geo headers by default. These are the names that their manuals and most shops use.
  fastly: {
    headers: ['x-fastly-country-code', 'x-fastly-region', 'x-fastly-city', 'fastly-geoip-country-code'],
    claim: (country, state, city, geoip) => inUtf8(country ?? geoip, state, city),
  },
  google: { headers: ['x-client-geo-location'], claim: google },
  akamai: { headers: ['x-akamai-edgescape'], claim: akamai },
  // Contentstack's region is a name (California) and no code, so it is not used.
  contentstack: {
    headers: ['visitor-ip-country', 'visitor-ip-city'],
    claim: (country, city) => inUtf8(country, undefined, city),
  },
} as const satisfies Record<GeoFamily, Family>;

function inUtf8(country?: string, state?: string, city?: string): Claim {
  return { country, state, city: utf8(city) };
}

function percentEncoded(country?: string, state?: string, city?: string): Claim {
  if (!city?.includes('%')) return inUtf8(country, state, city);
  try {
    return { country, state, city: decodeURIComponent(city) };
  } catch {
    return { country, state };
  }
}

// Node decodes headers as Latin-1, but edges write UTF-8.
function utf8(value: string | undefined): string | undefined {
  if (value === undefined || !/[\x80-\xff]/.test(value) || /[\u0100-\uffff]/.test(value)) return value;
  const text = Buffer.from(value, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? value : text;
}

// Plain JSON, or JSON in base64.
function netlify(value?: string, country?: string): Claim {
  if (value === undefined) return { country };
  try {
    const text = value.trimStart().startsWith('{') ? utf8(value) : Buffer.from(value, 'base64').toString('utf8');
    const geo: unknown = JSON.parse(text ?? '');
    return {
      country: at(geo, 'country', 'code') ?? country,
      state: at(geo, 'subdivision', 'code'),
      city: at(geo, 'city'),
    };
  } catch {
    return { country };
  }
}

// "{client_region},{client_city}" or "{client_region_subdivision}, {client_city}", where California is USCA.
function google(value?: string): Claim {
  const [region = '', city] = value?.split(',', 2) ?? [];
  const [, country, state] = /^([A-Z]{2})([A-Z0-9]{0,3})$/.exec(region.trim()) ?? [];
  return { country, state, city: utf8(city) };
}

// "country_code=US,region_code=CA,city=SANFRANCISCO,zip=94102+94103"; the first of several values counts.
function akamai(value?: string): Claim {
  const said = new Map<string, string>();
  for (const pair of value?.split(',') ?? []) {
    const [key = '', values = ''] = pair.split('=', 2);
    const [first = ''] = values.split('+', 1);
    if (first !== 'reserved') said.set(key.trim(), first);
  }
  return { country: said.get('country_code'), state: said.get('region_code'), city: utf8(said.get('city')) };
}

// The text at a path of unchecked data.
function at(data: unknown, ...path: readonly string[]): string | undefined {
  let value = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'string' ? value : undefined;
}
