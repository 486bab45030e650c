import { Writable } from 'node:stream';
import * as assert from 'uvu/assert';
import type { TailLine } from '../../../schemas/admin-api/tail.ts';
import { createLogger } from '../../../server/base/logger.ts';
import { createRefusals, type RefusedRequest } from '../../../server/ingest/refusals.ts';
import type { Gateway } from '../../../server/process/gateway.ts';
import { exchange, gloodHeaders, host, request, token } from '../../hostile/wire.ts';
import { ADMIN_TOKEN } from '../../support/admin.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';
import { call, gatewayWith, layersEvent, SHOP } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';

/** A logger, and what it has logged. */
function logging() {
  let text = '';
  const stream = new Writable({
    write: (chunk, _, done) => {
      text += String(chunk);
      done();
    },
  });
  const lines = () =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'requests were refused');
  return { logger: createLogger('debug', stream), text: () => text, lines };
}

describe('refusals', ({ it }) => {
  function open() {
    const clock = new TestClock();
    const log = logging();
    const stopping = new AbortController();
    const shown: TailLine[] = [];
    const counted: RefusedRequest[] = [];
    const refuse = createRefusals({
      count: (one) => counted.push(one),
      show: (line) => shown.push(line),
      clock,
      logger: log.logger,
      stopping: stopping.signal,
    });
    return { clock, log, stopping, shown, counted, refuse };
  }
  const foreign: RefusedRequest = {
    reason: 'origin',
    status: 403,
    dialect: 'layers',
    shop: SHOP,
    origin: 'https://a.example',
    message: 'the shop does not list the origin https://a.example',
  };

  it('are logged at once, and then once a minute with how many there were', async () => {
    const { clock, log, refuse, counted } = open();
    refuse(foreign);
    for (let i = 0; i < 41; i += 1) refuse({ ...foreign, origin: `https://${i}.example` });
    refuse({ ...foreign, shop: 'other.myshopify.com' });
    refuse({ reason: 'token_unknown', status: 401, dialect: 'layers', message: 'x' });
    assert.equal(
      log.lines().map(({ reason, shop, requests }) => [reason, shop, requests]),
      [
        ['origin', SHOP, 1],
        ['origin', 'other.myshopify.com', 1],
        ['token_unknown', undefined, 1],
      ],
    );
    await clock.advance(59_000);
    assert.is(log.lines().length, 3);
    await clock.advance(11_000);
    assert.is(log.lines().length, 4);
    const { level, requests, since, origins } = log.lines()[3] ?? {};
    assert.equal([level, requests, since], ['warn', 41, '2026-06-01T12:00:00.000Z']);
    assert.equal(
      origins,
      [0, 1, 2, 3, 4].map((i) => `https://${i}.example`),
    );
    await clock.advance(600_000);
    assert.is(log.lines().length, 4);
    refuse(foreign);
    assert.is(log.lines().length, 5);
    assert.is(counted.length, 45);
  });

  it('that were not logged yet are at the end', async () => {
    const { clock, log, refuse, stopping } = open();
    refuse(foreign);
    refuse(foreign);
    stopping.abort();
    await clock.advance(1);
    assert.equal(
      log.lines().map(({ requests }) => requests),
      [1, 1],
    );
  });

  it('of very many shops have lines by their reason alone', async () => {
    const { clock, log, refuse } = open();
    for (let i = 0; i < 1_000; i += 1) refuse({ ...foreign, shop: `${i}.myshopify.com` });
    await clock.advance(80_000);
    assert.is(log.lines().length, 202);
    assert.equal([log.lines()[201]?.shop, log.lines()[201]?.requests], [undefined, 799]);
    for (let i = 0; i < 300; i += 1) refuse({ ...foreign, shop: `new-${i}.myshopify.com` });
    assert.ok(log.lines().length <= 202 + 201);
  });

  it('are shown in the tail, 20 a second at most, with how many were left out', async () => {
    const { clock, shown, refuse } = open();
    for (let i = 0; i < 50; i += 1) refuse(foreign);
    assert.is(shown.length, 20);
    await clock.advance(1_000);
    refuse({ ...foreign, isKept: true });
    assert.is(shown.length, 20);
    refuse(foreign);
    assert.equal(shown[20], {
      kind: 'refused',
      at: '2026-06-01T12:00:01.000Z',
      shop: SHOP,
      dialect: 'layers',
      origin: 'https://a.example',
      status: 403,
      code: 'origin',
      reasons: ['the shop does not list the origin https://a.example'],
      left_out: 30,
    });
    refuse(foreign);
    assert.is('left_out' in (shown[21] as object), false);
  });

  it('show no origin that is none', () => {
    const { refuse, counted } = open();
    for (const origin of ['https://token@a.example', 'secret', `https://${'x'.repeat(500)}`, '', 'file://', 'null'])
      refuse({ ...foreign, origin });
    assert.equal(
      counted.map(({ origin }) => origin?.slice(0, 12)),
      ['unreadable', 'unreadable', 'https://xxxx', undefined, 'file://', 'null'],
    );
    assert.ok(counted.every(({ origin = '' }) => origin.length <= 200));
  });
});

const SECRET = 'tok-secret-never-shown';
const config = `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    origins: ['https://shop.example.com']
`;

describe('a refused request', ({ it, before, after }) => {
  const log = logging();
  const lines: (TailLine & { kind: 'refused' })[] = [];
  const ending = new AbortController();
  let gateway: Gateway;
  before(async () => {
    gateway = await gatewayWith(
      config,
      { ADMIN_TOKEN, BODY_MAX_BYTES: '4096', HEADERS_TIMEOUT_SECONDS: '1', REQUEST_TIMEOUT_SECONDS: '1' },
      { logger: log.logger },
    );
    const { body } = await fetch(`http://127.0.0.1:${gateway.port}/admin/tail`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      signal: ending.signal,
    });
    void (async () => {
      for await (const chunk of body ?? [])
        for (const [, data = ''] of Buffer.from(chunk)
          .toString()
          .matchAll(/^data: (.*)$/gm))
          lines.push(JSON.parse(data));
    })().catch(() => {});
  });
  after(async () => {
    ending.abort();
    await gateway.stop();
  });

  const event = () => JSON.stringify({ events: [layersEvent()] });
  const post = (headers: readonly string[], body = event(), path = '/beacon') =>
    request(`POST ${path} HTTP/1.1`, [host, ...headers, `Content-Length: ${Buffer.byteLength(body)}`], body);
  const page = async () => (await call(gateway.port, { method: 'GET', path: '/metrics' })).body;
  const evil = 'Origin: https://evil.example';
  const glood = '/api/storefront/v3/headless/events';

  const cases: readonly {
    readonly name: string;
    readonly bytes: Buffer;
    readonly status: number;
    readonly reason: string;
    readonly dialect?: string;
    readonly shop?: string;
    readonly origin?: string;
    /** Its line is the one of what is in quarantine, which has no status. */
    readonly kept?: boolean;
    /** Closed after the answer, so that the next is not refused behind it. */
  }[] = [
    { name: 'without a token', bytes: post([]), status: 401, reason: 'token_missing', dialect: 'layers' },
    {
      name: 'with an unknown token',
      bytes: post([`X-Storefront-Access-Token: ${SECRET}`, evil]),
      status: 401,
      reason: 'token_unknown',
      dialect: 'layers',
      origin: 'https://evil.example',
    },
    {
      name: 'with an unknown token in its address',
      bytes: post([], event(), `/beacon?token=${SECRET}`),
      status: 401,
      reason: 'token_unknown',
      dialect: 'layers',
    },
    {
      name: 'of Glood with an unknown token, that names a shop',
      bytes: post([`Authorization: Bearer ${SECRET}`, `X-Shop: ${SHOP}`], '{}', glood),
      status: 401,
      reason: 'token_unknown',
      dialect: 'glood',
      shop: SHOP,
    },
    {
      name: 'of Glood that names a shop which there is not',
      bytes: post([`Authorization: Bearer ${SECRET}`, `X-Shop: ${SECRET}.example.com`], '{}', glood),
      status: 401,
      reason: 'token_unknown',
      dialect: 'glood',
    },
    {
      name: 'of a foreign page',
      bytes: post([token, evil]),
      status: 403,
      reason: 'origin',
      dialect: 'layers',
      shop: SHOP,
      origin: 'https://evil.example',
    },
    {
      name: 'that is the preflight of a foreign page',
      bytes: request('OPTIONS /beacon?token=demo-token HTTP/1.1', [host, evil, 'Access-Control-Request-Method: POST']),
      status: 403,
      reason: 'origin',
      dialect: 'layers',
      shop: SHOP,
      origin: 'https://evil.example',
    },
    {
      name: 'for another shop',
      bytes: post(['Authorization: Bearer demo-token', 'X-Shop: another.example.com'], '{}', glood),
      status: 403,
      reason: 'shop',
      dialect: 'glood',
      shop: SHOP,
    },
    {
      name: 'of another type',
      bytes: post([token, 'Content-Type: text/html']),
      status: 415,
      reason: 'content_type',
      dialect: 'layers',
      shop: SHOP,
    },
    {
      name: 'in an unknown encoding',
      bytes: post([token, 'Content-Encoding: zstd']),
      status: 415,
      reason: 'content_encoding',
      dialect: 'layers',
      shop: SHOP,
    },
    {
      name: 'in an unknown charset',
      bytes: post([token, 'Content-Type: application/json; charset=nope']),
      status: 415,
      reason: 'charset',
      dialect: 'layers',
      shop: SHOP,
    },
    {
      name: 'that cannot be decompressed',
      bytes: post([token, 'Content-Encoding: br']),
      status: 400,
      reason: 'not_decompressed',
      dialect: 'layers',
      shop: SHOP,
    },
    {
      name: 'that is too large',
      bytes: post([token], 'x'.repeat(5_000)),
      status: 413,
      reason: 'too_large',
      dialect: 'layers',
      shop: SHOP,
    },
    {
      name: 'that is no JSON',
      bytes: post([token], 'no JSON'),
      status: 422,
      reason: 'not_json',
      dialect: 'layers',
      shop: SHOP,
      kept: true,
    },
    {
      name: 'of Glood that is no event',
      bytes: post(gloodHeaders, '{"event":{"id":"x"},"session_id":"s"}', glood),
      status: 400,
      reason: 'invalid',
      dialect: 'glood',
      shop: SHOP,
      kept: true,
    },
    {
      name: 'that is an init without its shop',
      bytes: post(['Authorization: Bearer demo-token'], '{}', '/api/storefront/v3/headless/init'),
      status: 400,
      reason: 'invalid',
      dialect: 'glood',
      shop: SHOP,
    },
    {
      name: 'with another method',
      bytes: request('PUT /beacon HTTP/1.1', [host, token, 'Content-Length: 0']),
      status: 405,
      reason: 'method',
      dialect: 'layers',
      shop: SHOP,
    },
    {
      name: 'that goes nowhere',
      bytes: post([token], event(), `/beacons/${SECRET}`),
      status: 404,
      reason: 'address',
    },
    {
      name: 'with headers beyond all bounds',
      bytes: post([token, `Cookie: ${SECRET}=${'x'.repeat(70_000)}`]),
      status: 431,
      reason: 'headers_too_large',
    },
    { name: 'that is no HTTP', bytes: Buffer.from(`${SECRET}\r\n\r\n`), status: 400, reason: 'no_http' },
    {
      name: 'in an odd framing',
      bytes: post([token, 'Content-Length: 5, 5', 'Transfer-Encoding: gzip, chunked']),
      status: 400,
      reason: 'no_http',
    },
    {
      name: 'with two hosts',
      bytes: post([token, 'Host: another.example.com']),
      status: 400,
      reason: 'framing',
    },
    {
      name: 'without a host',
      bytes: request('POST /beacon HTTP/1.1', [token, 'Content-Length: 0']),
      status: 400,
      reason: 'framing',
    },
    {
      name: 'that expects what nobody knows',
      bytes: post([token, `Expect: ${SECRET}`]),
      status: 417,
      reason: 'expectation',
    },
    {
      name: 'to the root',
      bytes: post([token], event(), '/'),
      status: 405,
      reason: 'address',
    },
    {
      name: 'that stops within its headers',
      bytes: Buffer.from(`POST /beacon HTTP/1.1\r\n${host}\r\nX: ${SECRET}`),
      status: 408,
      reason: 'timeout',
    },
    {
      name: 'that stops within its body',
      bytes: post([token]).subarray(0, -5),
      status: 408,
      reason: 'timeout',
      dialect: 'layers',
      shop: SHOP,
    },
  ];

  for (const { name, bytes, status, reason, dialect, shop, origin, kept } of cases)
    it(`${name} is answered ${status}, and counted, shown and logged as ${reason}`, async () => {
      const metric = `gateway_refused_requests_total{dialect="${dialect ?? ''}",status="${status}",reason="${reason}"} `;
      const count = async () => Number((await page()).split(metric)[1]?.split('\n')[0] ?? 0);
      const counted = await count();
      const seen = lines.length;
      const { text } = await exchange(gateway.port, { bytes: [bytes], limitMs: 20_000 });
      assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
      const line = await until(() => lines.slice(seen).find(({ code }) => code === reason));
      assert.equal(
        [line.status, line.shop, line.dialect, line.origin],
        [kept ? undefined : status, shop, dialect, origin],
      );
      assert.is(lines.slice(seen).length, 1);
      assert.ok(
        log.lines().some((one) => one.reason === reason && one.shop === shop && one.dialect === dialect),
        JSON.stringify(log.lines()),
      );
      // A page of metrics is kept for a second.
      await until(async () => (await count()) === counted + 1);
    });

  it('leaves no token and no address of a client anywhere', async () => {
    const all = log.text() + JSON.stringify(lines) + (await page());
    for (const secret of [SECRET, 'demo-token', '127.0.0.1', '::1']) assert.not.match(all, secret);
  });

  it('is not one that was taken, that has to wait, or where a client only went away', async () => {
    const seen = lines.length;
    await exchange(gateway.port, { bytes: [post([token])] });
    await exchange(gateway.port, { bytes: [post([token]).subarray(0, 40)], end: true, limitMs: 300 });
    await exchange(gateway.port, { bytes: [request('GET /favicon.ico HTTP/1.1', [host])] });
    assert.is(lines.slice(seen).filter(({ kind }) => kind === 'refused').length, 0);
  });
});
