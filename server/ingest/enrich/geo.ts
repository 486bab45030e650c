import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import { type CityResponse, open } from 'maxmind';
import type { Context, InboundRequest } from '../../../adapters/dialects/dialect.ts';
import type { GeoFamily } from '../../../schemas/settings.ts';
import { ConfigError } from '../../base/errors.ts';
import { type Claim, type Family, geoFamilies } from './edges.ts';

export type Geo = NonNullable<Context['geo']>;
type Headers = InboundRequest['headers'];

/** Reads where a shopper is from the headers of the first of these families that names a country. */
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

// Places repeat, and decoding one takes longer than all else that is done with a User-Agent seen before.
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
 * Opens a city or country database in MaxMind's format, whole, into memory. Rejects with ConfigError where the file is
 * none. A new file is seen at the next start.
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

  // The reader gives the same object for the same record, so most addresses are not read twice.
  const places = new WeakMap<CityResponse, { geo: Geo | undefined }>();
  return (address) => {
    const version = isIP(address);
    // A database of IPv4 alone would answer an IPv6 address with the place of an unrelated IPv4 one.
    if (version === 0 || version > ipVersion) return undefined;
    try {
      const record = reader.get(address);
      if (record === null) return undefined;
      const place = places.get(record) ?? { geo: checked(recorded(record)) };
      places.set(record, place);
      return place.geo;
    } catch {
      return undefined; // A damaged record costs the place, never the event.
    }
  };
}

/** MaxMind's records, and the flat ones of free databases made of other sources, where regions have names and no codes. */
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

// "Hanover (Buchholz-Kleefeld)": a shop that counts by city wants one Hanover.
const withoutDistrict = (city: string | undefined): string | undefined => city?.replace(/ \(.*$/s, '');

// Unknown, unknown, the European Union, Asia and the Pacific. Tor's T1 is no code by its digit.
const PSEUDO_COUNTRIES = new Set(['XX', 'ZZ', 'EU', 'AP']);

function checked(claim: Claim): Geo | undefined {
  if (claim.country === undefined || !/^[A-Za-z]{2}$/.test(claim.country)) return undefined;
  const country = claim.country.toUpperCase();
  if (PSEUDO_COUNTRIES.has(country)) return undefined;
  const state = subdivision(claim.state, country);
  const city = cityName(claim.city);
  return { country, ...(state !== undefined && { state }), ...(city !== undefined && { city }) };
}

// "CA", "ca" and "US-CA" are the same place; a name, such as California, is no code.
function subdivision(value: string | undefined, country: string): string | undefined {
  const code = value?.toUpperCase().startsWith(`${country}-`) ? value.slice(3) : value;
  return code !== undefined && /^[A-Za-z0-9]{1,3}$/.test(code) ? code.toUpperCase() : undefined;
}

// A city has a letter ("?" is App Engine's unknown), and the longest name of one has 85.
function cityName(value: string | undefined): string | undefined {
  const city = value
    ?.replace(/[\p{Cc}\p{Cs}]/gu, '')
    .trim()
    .toLowerCase();
  return city !== undefined && city.length <= 100 && /\p{L}/u.test(city) ? city : undefined;
}

// Several values of one header are an array only where they were sent twice, and then none of them can be trusted.
function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
