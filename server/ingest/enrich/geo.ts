import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import { type CityResponse, open } from 'maxmind';
import type { Context, InboundRequest } from '../../../adapters/dialects/dialect.ts';
import type { GeoFamily } from '../../../schemas/settings.ts';
import { ConfigError } from '../../base/errors.ts';
import { type Claim, type Family, geoFamilies } from './edges.ts';

export type Geo = NonNullable<Context['geo']>;
type Headers = InboundRequest['headers'];

/** Reads a shopper's location from headers: the first of these families that names a country wins. */
export function createGeoReader(families: readonly GeoFamily[]): (headers: Headers) => Geo | undefined {
  const readers = families.map((family) => remembering(geoFamilies[family]));
  return (headers) => {
    for (const read of readers) {
      const geo = read(headers);
      if (geo) return geo;
    }
    return undefined;
  };
}

// Caches locations: they repeat, and decoding one costs more than looking up a cached User-Agent.
function remembering({ headers: names, claim }: Family): (headers: Headers) => Geo | undefined {
  const places = new LRUCache<string, { geo: Geo | undefined }>({ max: 2_000 });
  return (headers) => {
    const values = names.map((name) => one(headers[name]));
    const key = values.join('\n');
    const place = places.get(key);
    if (place) return place.geo;
    const geo = checked(claim(...values));
    if (key.length <= 1_000) places.set(key, { geo });
    return geo;
  };
}

/**
 * Reads a city or country database in MaxMind's format into memory. Rejects with ConfigError if the file is none. A new file takes effect at the
 * next start.
 */
export async function openGeoDatabase(path: string): Promise<(address: string) => Geo | undefined> {
  const wanted = `GEOIP_DB: must be the path of a city or country database in MaxMind's format (.mmdb, unpacked), got ${JSON.stringify(path)}`;
  const reader = await open<CityResponse>(path, { watchForUpdates: false }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError([`${wanted}, ${code ?? 'which is none'}; give the path of one, or unset GEOIP_DB`], {
      cause: error,
    });
  });
  const { databaseType, ipVersion } = reader.metadata;
  if (!/city|country|enterprise/i.test(databaseType))
    throw new ConfigError([
      `${wanted}, which is one of type ${JSON.stringify(databaseType)}; give the path of one, or unset GEOIP_DB`,
    ]);

  // The reader returns the same object for the same record, so most addresses need no second conversion.
  const places = new WeakMap<CityResponse, { geo: Geo | undefined }>();
  return (address) => {
    const version = isIP(address);
    // An IPv4-only database would answer an IPv6 address with an unrelated location.
    if (version === 0 || version > ipVersion) return undefined;
    try {
      const record = reader.get(address);
      if (record === null) return undefined;
      const place = places.get(record) ?? { geo: checked(recorded(record)) };
      places.set(record, place);
      return place.geo;
    } catch {
      return undefined; // A damaged record costs the location, never the event.
    }
  };
}

/** Reads MaxMind's records, and the flat ones of free databases, whose regions have names and no codes. */
function recorded(record: CityResponse | FlatRecord): Claim {
  if ('country_code' in record) return { country: text(record.country_code), city: withoutDistrict(text(record.city)) };
  return {
    country: record.country?.iso_code,
    state: record.subdivisions?.[0]?.iso_code,
    city: withoutDistrict(record.city?.names?.en),
  };
}

interface FlatRecord {
  readonly country_code: unknown;
  readonly city?: unknown;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

// "Hanover (Buchholz-Kleefeld)" becomes "Hanover", so that counts by city have one Hanover.
const withoutDistrict = (city: string | undefined): string | undefined => city?.replace(/ \(.*$/s, '');

// Codes that are no country: unknown (XX, ZZ), the European Union, Asia and the Pacific. T1 (Tor) is ruled out by its digit.
const PSEUDO_COUNTRIES = new Set(['XX', 'ZZ', 'EU', 'AP']);

function checked(claim: Claim): Geo | undefined {
  if (claim.country === undefined || !/^[A-Za-z]{2}$/.test(claim.country)) return undefined;
  const country = claim.country.toUpperCase();
  if (PSEUDO_COUNTRIES.has(country)) return undefined;
  const state = subdivision(claim.state, country);
  const city = cityName(claim.city);
  return { country, ...(state !== undefined && { state }), ...(city !== undefined && { city }) };
}

// "CA", "ca" and "US-CA" are the same region. A name such as California is no code.
function subdivision(value: string | undefined, country: string): string | undefined {
  const code = value?.toUpperCase().startsWith(`${country}-`) ? value.slice(3) : value;
  return code !== undefined && /^[A-Za-z0-9]{1,3}$/.test(code) ? code.toUpperCase() : undefined;
}

// A city name has a letter ("?" means unknown in App Engine) and at most 85 characters, the longest real name.
function cityName(value: string | undefined): string | undefined {
  const city = value
    ?.replace(/[\p{Cc}\p{Cs}]/gu, '')
    .trim()
    .toLowerCase();
  return city !== undefined && city.length <= 100 && /\p{L}/u.test(city) ? city : undefined;
}

// A header that was sent twice is an array; neither value can be trusted.
function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
