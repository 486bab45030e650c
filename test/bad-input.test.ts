import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { openLmdb } from '../adapters/logs/lmdb/open.ts';
import { createLogger } from '../server/base/logger.ts';
import type { Gateway } from '../server/process/gateway.ts';
import { storeOptions } from './contracts/log.ts';
import { describe } from './support/describe.ts';
import { temporaryFolder } from './support/folder.ts';
import { beacon, type Call, call, gatewayWith, glood, lanes, layersEvent, SHOP } from './support/gateway.ts';
import { until } from './support/until.ts';

const config = `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    origins: ['https://shop.example.com']
  - shop: other.myshopify.com
    tokens: [other-token]
    glood: { allowShopHeaderOnly: true }
`;

const nested = (depth: number) =>
  `{"events":[{"event_type":"product_view","contextual_data":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}]}`;
const long = 'x'.repeat(300 * 1024);

// What comes in, what goes out: status and a part of the body.
const layersCases: [name: string, call: Call, status: number, says: RegExp][] = [
  ['no token', { headers: { 'x-storefront-access-token': '' } }, 401, /^\{"error":"Unauthenticated"\}$/],
  ['a wrong token', { headers: { 'x-storefront-access-token': 'nope' } }, 401, /^\{"error":"Unauthenticated"\}$/],
  [
    'a wrong token in the header and a right one in the query',
    { path: '/beacon?token=demo-token', headers: { 'x-storefront-access-token': 'nope' } },
    401,
    /Unauth/,
  ],
  [
    'a foreign origin',
    { headers: { origin: 'https://evil.example' } },
    403,
    /does not list the origin https:\/\/evil\.example/,
  ],
  ['the origin null', { headers: { origin: 'null' } }, 403, /origin null/],
  [
    'an unknown content type',
    { headers: { 'content-type': 'application/xml' } },
    415,
    /Content-Type must be application\/json or text\/plain, got application\/xml/,
  ],
  ['not JSON', { body: '{"events":[' }, 422, /JSON/],
  ['an empty body', { body: '' }, 422, /got nothing|empty/],
  ['null', { body: 'null' }, 422, /got null/],
  ['an array', { body: '[]' }, 422, /got an array|array/],
  ['events missing', { body: '{}' }, 422, /events/],
  ['no event', { body: '{"events":[]}' }, 422, /1 to 100/],
  ['101 events', { body: JSON.stringify({ events: Array.from({ length: 101 }, () => ({})) }) }, 422, /1 to 100.*101/],
  ['events that are no array', { body: '{"events":{}}' }, 422, /events.*array/],
  ['a body of 300 KB', { body: `{"events":["${long}"]}` }, 413, /at most 262144 bytes/],
  ['a body nested 400 levels deep', { body: '['.repeat(100_000) + ']'.repeat(100_000) }, 422, /levels|nest/],
];

describe('a bad request to Layers gets a clear answer:', ({ it, before, after }) => {
  let gateway: Gateway;
  before(async () => {
    gateway = await gatewayWith(config);
  });
  after(() => gateway.stop());
  for (const [name, request, status, says] of layersCases) {
    for (const lane of lanes) {
      it(`${name} (${lane})`, async () => {
        const reply = await beacon(gateway.port, [layersEvent()], { ...request, lane });
        assert.is(reply.status, status, reply.body);
        assert.match(reply.body, says);
        assert.is(reply.headers['content-type'], 'application/json');
        if (status !== 401) assert.ok(Array.isArray(JSON.parse(reply.body).errors));
        if (name.includes('origin')) assert.is(reply.headers['access-control-allow-origin'], undefined);
      });
    }
  }
  it('malformed gzip', async () => {
    const reply = await beacon(gateway.port, [], { body: 'no gzip', headers: { 'content-encoding': 'gzip' } });
    assert.is(reply.status, 400);
    assert.match(reply.body, /\{"errors":\["the body could not be decompressed/);
  });
  it('gzip cut short', async () => {
    const cut = gzipSync(JSON.stringify({ events: [layersEvent()] })).subarray(0, 40);
    assert.is(
      (
        await call(gateway.port, {
          headers: { 'x-storefront-access-token': 'demo-token', 'content-encoding': 'gzip' },
          body: cut,
        })
      ).status,
      400,
    );
  });
  it('a gzip bomb, without inflating it all', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024));
    const started = performance.now();
    const reply = await call(gateway.port, {
      headers: { 'x-storefront-access-token': 'demo-token', 'content-encoding': 'gzip' },
      body: bomb,
    });
    assert.is(reply.status, 413);
    assert.ok(performance.now() - started < 2000);
  });
  it('8 MB of gzip, which are taken in, so that the answer is seen', async () => {
    const body = gzipSync(randomBytes(8 * 1024 * 1024));
    const socket = connect(gateway.port, '127.0.0.1');
    try {
      let answers = '';
      socket.on('data', (chunk) => {
        answers += String(chunk);
      });
      const head = 'POST /beacon HTTP/1.1\r\nHost: x\r\nX-Storefront-Access-Token: demo-token\r\n';
      socket.write(`${head}Content-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
      socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
      await until(() => /^HTTP\/1.1 413 .*HTTP\/1.1 200 /s.test(answers), 4000);
    } finally {
      socket.destroy();
    }
  });
  it('an unknown encoding', async () => {
    assert.is((await beacon(gateway.port, [layersEvent()], { headers: { 'content-encoding': 'snappy' } })).status, 415);
  });
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
    it(`the method ${method}`, async () => {
      const reply = await call(gateway.port, { method });
      assert.is(reply.status, 405);
      assert.is(reply.headers.allow, 'POST, OPTIONS');
      assert.match(reply.body, new RegExp(`not ${method}`));
    });
  }
  it('another path', async () => {
    const reply = await call(gateway.port, { path: '/nope' });
    assert.is(reply.status, 404);
    assert.match(JSON.parse(reply.body).error, /POST \/beacon/);
  });
});

const event = { id: 'g', name: 'page_viewed' };
const gloodCases: [name: string, body: unknown, call: Call, status: number, says: RegExp][] = [
  ['no token', { event, session_id: 's' }, { headers: { authorization: '' } }, 401, /token/],
  ['a wrong token', { event, session_id: 's' }, { headers: { authorization: 'Bearer nope' } }, 401, /token/],
  [
    'Basic instead of Bearer',
    { event, session_id: 's' },
    { headers: { authorization: 'Basic demo-token' } },
    401,
    /token/,
  ],
  [
    'another shop in the header',
    { event, session_id: 's' },
    { headers: { 'x-shop': 'other.myshopify.com' } },
    403,
    /shop/,
  ],
  [
    'another shop in the body',
    { event, session_id: 's', shop_domain: 'https://other.myshopify.com/' },
    {},
    403,
    /shop/,
  ],
  ['no shop at all', { event, session_id: 's' }, { headers: { 'x-shop': '' } }, 400, /x-shop|shop_domain/],
  ['a foreign origin', { event, session_id: 's' }, { headers: { origin: 'https://evil.example' } }, 403, /origin/],
  ['text', { event, session_id: 's' }, { headers: { 'content-type': 'text/plain' } }, 415, /Content-Type/],
  ['not JSON', undefined, { body: 'x' }, 400, /JSON/],
  ['an array', [], {}, 400, /object/],
  ['no event', { session_id: 's' }, {}, 400, /event/],
  ['no event.id', { event: { name: 'page_viewed' }, session_id: 's' }, {}, 400, /event\.id/],
  ['no session', { event }, {}, 400, /session_id/],
  ['an unknown name', { event: { id: 'g', name: 'nope' }, session_id: 's' }, {}, 400, /event\.name/],
  ['a body of 300 KB', { event, session_id: 's', cart: { long } }, {}, 413, /262144/],
];

describe('a bad request to Glood gets a clear answer:', ({ it, before, after }) => {
  let gateway: Gateway;
  before(async () => {
    gateway = await gatewayWith(config);
  });
  after(() => gateway.stop());
  for (const [name, body, request, status, says] of gloodCases) {
    for (const lane of lanes) {
      it(`${name} (${lane})`, async () => {
        const reply = await glood(gateway.port, body, { ...request, lane });
        assert.is(reply.status, status, reply.body);
        const answer = JSON.parse(reply.body) as { error: number; message: string };
        assert.is(answer.error, status);
        assert.match(answer.message, says);
      });
    }
  }
  it('no token is fine where the shop allows its header alone', async () => {
    const headers = { authorization: '', 'x-shop': 'https://Other.myshopify.com/' };
    assert.is((await glood(gateway.port, { event, session_id: 's' }, { headers })).status, 200);
    assert.is(
      (await glood(gateway.port, { event, session_id: 's' }, { headers: { ...headers, 'x-shop': SHOP } })).status,
      401,
    );
  });
});

describe('an invalid event', ({ it }) => {
  it('never fails its batch, and is kept in quarantine with its reasons', async () => {
    const folder = temporaryFolder();
    const gateway = await gatewayWith(config, { LOG_URL: `lmdb:${folder.path}` });
    const bad = [
      { product_id: 2.5 },
      { product_id: '12x' },
      { product_id: null },
      { event_type: 'nope' },
      { timestamp: '' },
      { session_id: null },
      { product_id: 1.5 },
      { contextual_data: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i])) },
    ];
    const reply = await beacon(gateway.port, [...bad.map((fields) => layersEvent(fields)), layersEvent()]);
    assert.is(reply.status, 201);
    assert.equal([reply.headers['x-events-accepted'], reply.headers['x-events-rejected']], ['1', String(bad.length)]);
    await beacon(gateway.port, [], { body: nested(40) });
    await beacon(gateway.port, [], { body: '{"events":[{"__proto__":{"polluted":1}},{"\\u005f_proto__":1}]}' });
    await beacon(gateway.port, [], { body: 'not json' });
    assert.is(({} as { polluted?: number }).polluted, undefined);
    await gateway.stop();
    const { state, log, close } = await openLmdb(folder.path, storeOptions());
    const kept = await state.quarantine.page(SHOP, { limit: 100 });
    const tally = await log.tally(SHOP);
    await close();
    folder.remove();
    assert.is(kept.length, bad.length + 4);
    assert.ok(kept.every(({ reasons, raw }) => (reasons[0] ?? '').length > 10 && raw.length > 0));
    assert.match(kept[0]?.reasons[0] ?? '', /a Shopify id/);
    const quarantined = Object.values(tally.quarantined).reduce((sum, count) => sum + count, 0);
    assert.is(tally.received, tally.appended + tally.duplicate + quarantined);
  });

  it('with lone surrogates is stored well-formed', async () => {
    const gateway = await gatewayWith(config);
    const reply = await beacon(gateway.port, [], {
      path: '/beacon?verbose=1',
      body: `{"events":[${JSON.stringify(layersEvent()).replace('s1', 's\\ud800')}]}`,
    });
    assert.is(JSON.parse(reply.body).events[0].verdict, 'accepted');
    await gateway.stop();
  });
});

describe('a hostile connection', ({ it, before, after }) => {
  let gateway: Gateway;
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line: string) => lines.push(line) });
  before(async () => {
    const times = { HEADERS_TIMEOUT_SECONDS: '1', REQUEST_TIMEOUT_SECONDS: '1' };
    gateway = await gatewayWith(config, times, { logger });
  });
  after(() => gateway.stop());
  const raw = (text: string): Promise<string> =>
    new Promise((resolve) => {
      let answer = '';
      const socket = connect(gateway.port, '127.0.0.1', () => socket.write(text));
      socket.on('data', (chunk) => {
        answer += String(chunk);
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(answer));
    });
  const head = 'POST /beacon HTTP/1.1\r\nHost: x\r\nX-Storefront-Access-Token: demo-token\r\n';

  it('that never sends its headers is closed', async () => {
    assert.match(await raw('POST /beacon HTTP/1.1\r\nHost: x\r\n'), /408/);
  });
  it('that never sends its body is closed', async () => {
    assert.match(await raw(`${head}Content-Length: 100\r\n\r\n{`), /408|^$/);
  });
  it('with length and chunks at once is refused', async () => {
    assert.match(await raw(`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`), /400/);
  });
  it('with two lengths is refused', async () => {
    assert.match(await raw(`${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`), /400/);
  });
  it('with something else in place of a chunk is refused, and leaves no line in the log', async () => {
    lines.length = 0;
    for (const garbage of ['no chunk\r\n', '2\r\n{}no end', '1\r\n{\r\n'])
      await raw(`${head}Transfer-Encoding: chunked\r\n\r\n${garbage}`);
    assert.equal(lines, []);
  });
  it('with huge headers is refused', async () => {
    assert.match(await raw(`${head}X: ${'x'.repeat(40_000)}\r\n\r\n`), /431/);
  });
});

describe('the sources', ({ it }) => {
  it('never write a secret into a log line: no URL, header or body is logged', () => {
    const files = readdirSync('server').filter((file) => file.endsWith('.ts'));
    for (const file of files) {
      const calls = readFileSync(join('server', file), 'utf8').match(/logger\.\w+\([^)]*\)/g) ?? [];
      for (const one of calls) assert.not.match(one, /headers|\.url|body|token/i, `${file}: ${one}`);
    }
  });
});
