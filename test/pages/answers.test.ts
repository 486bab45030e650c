import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { TooManyRequests } from '../../adapters/dialects/dialect.ts';
import { dialects } from '../../adapters/dialects/index.ts';
import { LogUnavailable } from '../../adapters/logs/log.ts';
import { EXPOSED_HEADERS } from '../../server/http/cors.ts';
import { refusalOf } from '../../server/http/error-answers.ts';
import { Overloaded } from '../../server/overload/load.ts';
import type { Gateway } from '../../server/process/gateway.ts';
import { describe } from '../support/describe.ts';
import { temporaryFolder } from '../support/folder.ts';
import { beacon, type Call, gatewayWith, glood, layersEvent, type Reply, tapcart } from '../support/gateway.ts';
import { shape, tableOf } from '../support/readme.ts';

const page = readFileSync('server/http/README.md', 'utf8');
const config = `
shops:
  - { shop: demo.myshopify.com, tokens: [demo-token], origins: ['https://shop.example.com'] }
  - { shop: other.myshopify.com, tokens: [other-token], successStatus: 204 }`;
const gloodEvent = { event: { id: 'g', name: 'page_viewed' }, session_id: 's1' };
const other = { 'x-storefront-access-token': 'other-token', authorization: 'Bearer other-token', 'x-shop': '' };
const foreign = { origin: 'https://elsewhere.example' };

const tapcartEvent = { event: 'pageView', mp_metadata: { mp_event_id: 't' } };
const query = { path: '/webhooks/tapcart?token=other-token' };

/** By the first cell of the table: the calls that show it, for each dialect. Without a call there must be no status. */
const situations: Readonly<
  Record<string, { layers?: Call & { events?: unknown[] }; glood?: Call & { json?: object }; tapcart?: Call }>
> = {
  valid: { layers: {}, glood: {}, tapcart: {} },
  'valid, shop with `successStatus: 204`': {
    layers: { headers: other },
    glood: { headers: other, json: { ...gloodEvent, shop_domain: 'other.myshopify.com' } },
    tapcart: query,
  },
  'sent before (same id, type and shopper within `DEDUP_HOURS`)': {
    layers: { events: [layersEvent({ event_id: 'g' })] },
    glood: {},
    tapcart: {},
  },
  'an invalid event': { layers: { events: [{}] }, glood: { json: {} }, tapcart: { body: '{}' } },
  'the body as a whole is wrong': { layers: { body: '[' }, glood: { body: '[' }, tapcart: { body: '[' } },
  'over 100 events': { layers: { events: Array.from({ length: 101 }, () => layersEvent()) } },
  'token missing or unknown': {
    layers: { headers: { 'x-storefront-access-token': 'x' } },
    glood: { headers: { authorization: '' } },
    tapcart: { path: '/webhooks/tapcart' },
  },
  'another shop is named': { glood: { headers: { 'x-shop': 'other.myshopify.com' } } },
  'the shop does not list the origin': {
    layers: { headers: foreign },
    glood: { headers: foreign },
    tapcart: { headers: foreign },
  },
  'the shop is not named at all': { glood: { headers: { 'x-shop': '' } } },
  'the body cannot be decompressed': {
    layers: { headers: { 'content-encoding': 'br' } },
    glood: { headers: { 'content-encoding': 'br' } },
    tapcart: { headers: { 'content-encoding': 'br' } },
  },
  'another method, with `Allow: POST, OPTIONS`': {
    layers: { method: 'PUT' },
    glood: { method: 'PUT' },
    tapcart: { method: 'PUT' },
  },
  'body over `BODY_MAX_BYTES`': {
    layers: { body: 'x'.repeat(300_000) },
    glood: { body: 'x'.repeat(300_000) },
    tapcart: { body: 'x'.repeat(300_000) },
  },
  'another content type or encoding': {
    layers: { headers: { 'content-type': 'text/csv' } },
    glood: { headers: { 'content-encoding': 'snappy' } },
    tapcart: { headers: { 'content-type': 'text/plain' } },
  },
};

describe('server/http/README.md: the answers', ({ it, before, after }) => {
  let gateway: Gateway;
  const folder = temporaryFolder();
  before(async () => {
    gateway = await gatewayWith(config, { LOG_URL: `lmdb:${folder.path}` });
  });
  after(async () => {
    await gateway.stop();
    folder.remove();
  });

  for (const [situation = '', layersCell = '', gloodCell = '', tapcartCell = ''] of tableOf(page, 'Request')) {
    it(`are as the table says: ${situation}`, async () => {
      if (situation.startsWith('the log cannot store'))
        return refusals(new LogUnavailable('full'), '1', layersCell, gloodCell, tapcartCell);
      if (situation.startsWith('over the rate limits'))
        return refusals(new TooManyRequests(3), '3', layersCell, gloodCell, tapcartCell);
      if (situation.startsWith('more than the gateway can do now'))
        return refusals(new Overloaded(3, false), '3', layersCell, gloodCell, tapcartCell);
      if (situation.startsWith('a fault of the gateway'))
        return refusals(new Error('secret'), undefined, layersCell, gloodCell, tapcartCell);
      const calls = situations[situation];
      assert.ok(calls, `no call shows "${situation}"`);
      const { port } = gateway;
      fits(layersCell, calls.layers && (await beacon(port, calls.layers.events ?? [layersEvent()], calls.layers)));
      fits(gloodCell, calls.glood && (await glood(port, calls.glood.json ?? gloodEvent, calls.glood)));
      fits(tapcartCell, calls.tapcart && (await tapcart(port, tapcartEvent, calls.tapcart)));
    });
  }

  it('have the headers that the page names', async () => {
    const { headers } = await beacon(gateway.port, [layersEvent()]);
    const named = tableOf(page, 'Header of every answer').map(([cell = '']) => cell.replaceAll('`', ''));
    for (const name of named) assert.ok(headers[name.toLowerCase()], name);
    assert.equal([...EXPOSED_HEADERS].sort(), [...named, 'Retry-After'].sort());
  });
});

function fits(cell: string, reply: Reply | undefined): void {
  const [, status, body = ''] = /^(\d{3})(?:.*?`(.*?)`)?/.exec(cell) ?? [];
  assert.is(reply?.status, status === undefined ? undefined : Number(status), `${cell}: ${reply?.body}`);
  if (reply === undefined) return;
  assert.match(reply.body, shape(body));
  if (reply.status === 405) assert.is(reply.headers.allow, 'POST, OPTIONS');
}

/** What cannot be had on demand: the step that answers for it is asked. */
function refusals(error: Error, retryAfter: string | undefined, ...cells: string[]): void {
  for (const [at, dialect] of dialects.entries()) {
    const { status, body = '', headers } = refusalOf(error, dialect).answer;
    assert.is(headers['Retry-After'], retryAfter);
    fits(cells[at] ?? '', { status, body, headers });
  }
}
