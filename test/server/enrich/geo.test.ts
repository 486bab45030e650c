import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { GeoFamily } from '../../../schemas/settings.ts';
import { geoFamilies } from '../../../server/enrich/families.ts';
import { clientAddress, createGeoReader, type Geo, openGeoDatabase } from '../../../server/enrich/geo.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { mmdb } from '../../support/mmdb.ts';

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

const fixtures = join(import.meta.dirname, '../../fixtures/enrich');
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
        /^Error: GEOIP_DB: expected a city or country database .* got.*\. Give the path of one, or unset GEOIP_DB\.$/s,
      );
      assert.ok(refusal.includes(at(name)), refusal);
    }
  });
});
