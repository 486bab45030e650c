import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Environment } from '../../server/config/settings.ts';
import type { Gateway } from '../../server/process/gateway.ts';
import { describe } from '../support/describe.ts';
import { temporaryFolder } from '../support/folder.ts';
import { beacon, call, gatewayWith, layersEvent, SHOP } from '../support/gateway.ts';
import { mmdb } from '../support/mmdb.ts';
import { openSink, type Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const ADMIN_TOKEN = 'x'.repeat(32);
/** As a trusted proxy appends it, and as a client makes it up. */
const real = '198.51.100.7';
const forged = '203.0.113.9';

describe('addresses that a client makes up', ({ it, before, after }) => {
  const folder = temporaryFolder();
  const database = join(folder.path, 'places.mmdb');
  const networks = [
    { network: '198.51.100.0/24', record: { country: { iso_code: 'DE' } } },
    { network: '203.0.113.0/24', record: { country: { iso_code: 'US' } } },
  ];
  let sink: Sink;
  before(async () => {
    writeFileSync(database, mmdb(networks, 'GeoLite2-City'));
    sink = await openSink();
  });
  after(async () => {
    await sink.close();
    folder.remove();
  });
  const start = (env: Environment) =>
    gatewayWith(
      `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    pipelines:
      - id: hook
        destination: { type: webhook, url: "${sink.url}", secret: "${secret}", allowPrivateNetworks: true }`,
      { GEOIP_DB: database, ADMIN_TOKEN, ...env },
    );
  let sent = 0;
  const countryOf = async (gateway: Gateway, headers: Record<string, string>) => {
    const id = `forwarded-${++sent}`;
    assert.is((await beacon(gateway.port, [layersEvent({ event_id: id })], { headers })).status, 201);
    return (await until(() => sink.events().find(({ event_id }) => event_id === id))).geo_country;
  };

  it('are not believed behind one proxy, however many stand before its own', async () => {
    const gateway = await start({ TRUST_PROXY_HOPS: '1' });
    for (const count of [0, 1, 2, 10, 50]) {
      const chain = [...Array<string>(count).fill(forged), real].join(', ');
      assert.is(await countryOf(gateway, { 'x-forwarded-for': chain }), 'DE', `${count} in front`);
    }
    const elsewhere = ['x-real-ip', 'x-client-ip', 'cf-connecting-ip', 'true-client-ip', 'fly-client-ip', 'client-ip'];
    for (const name of elsewhere)
      assert.is(await countryOf(gateway, { 'x-forwarded-for': real, [name]: forged }), 'DE', name);
    assert.is(await countryOf(gateway, { 'x-forwarded-for': real, forwarded: `for=${forged}` }), 'DE');
    await gateway.stop();
  });

  it('are not believed without a proxy at all, and neither is an edge that nobody named', async () => {
    const gateway = await start({ TRUST_PROXY_HOPS: '0' });
    assert.is(await countryOf(gateway, { 'x-forwarded-for': forged }), undefined);
    const edges = { 'cf-ipcountry': 'US', 'x-vercel-ip-country': 'US', 'x-country': 'US', 'x-appengine-country': 'US' };
    assert.is(await countryOf(gateway, edges), undefined);
    await gateway.stop();
  });

  it('do not let who guesses the admin token guess for ever', async () => {
    const gateway = await start({ TRUST_PROXY_HOPS: '1' });
    const statuses: number[] = [];
    for (let guess = 0; guess < 12; guess += 1) {
      const headers = { authorization: `Bearer ${guess}`, 'x-forwarded-for': `203.0.113.${guess}, ${real}` };
      statuses.push((await call(gateway.port, { method: 'GET', path: '/admin/dead', headers })).status);
    }
    assert.equal(statuses, [...Array<number>(10).fill(401), 429, 429]);
    await gateway.stop();
  });
});

describe('what a client sends to be repeated', ({ it, before, after }) => {
  let gateway: Gateway;
  before(async () => {
    gateway = await gatewayWith(`shops: [{ shop: ${SHOP}, tokens: [demo-token] }]`, { ADMIN_TOKEN });
  });
  after(() => gateway.stop());

  it('is its request id where that is harmless, and nothing else', async () => {
    const idOf = async (id: string) =>
      (await beacon(gateway.port, [layersEvent()], { headers: { 'x-request-id': id } })).headers['x-request-id'];
    assert.is(await idOf('abc-1.2_3'), 'abc-1.2_3');
    for (const id of ['a b', '<script>', 'x'.repeat(65), '{"level":60}', 'a,b', 'ä'])
      assert.match(String(await idOf(id)), /^[0-9a-f-]{36}$/, id);
  });

  it('is never a host of its choice', async () => {
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher' };
    for (const path of ['/beacon', '/nope', '/openapi.json', '/admin/dead', '/readyz']) {
      const reply = await call(gateway.port, { method: 'GET', path, headers });
      assert.not.match(`${JSON.stringify(reply.headers)}${reply.body}`, /evil|gopher/, path);
    }
  });

  it('is no origin for the admin API: no page of anybody may read it', async () => {
    for (const origin of ['https://shop.example.com', 'null', 'http://localhost:3000']) {
      for (const method of ['GET', 'OPTIONS', 'POST']) {
        const reply = await call(gateway.port, {
          method,
          path: '/admin/pipelines',
          headers: { origin, authorization: `Bearer ${ADMIN_TOKEN}`, 'access-control-request-method': 'GET' },
        });
        const granted = Object.keys(reply.headers).filter((name) => name.startsWith('access-control-allow'));
        assert.equal(granted, [], `${method} from ${origin}`);
      }
    }
  });
});
