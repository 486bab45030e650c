import * as assert from 'uvu/assert';
import type { TailLine } from '../../../schemas/admin-api/tail.ts';
import { systemClock } from '../../../server/base/clock.ts';
import type { Gateway } from '../../../server/process/gateway.ts';
import { exchange, host, request, token } from '../../hostile/wire.ts';
import { ADMIN_TOKEN } from '../../support/admin.ts';
import { describe } from '../../support/describe.ts';
import { call, gatewayWith, SHOP } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';
import { loggingRefusals, post, refusedRequests, SECRET } from './refused-requests.ts';

const config = `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    origins: ['https://shop.example.com']
`;

describe('a refused request', ({ it, before, after }) => {
  const log = loggingRefusals();
  const lines: (TailLine & { kind: 'refused' })[] = [];
  const ending = new AbortController();
  let gateway: Gateway;
  // A page of metrics is kept for a second, so each is asked for a second after the one before.
  let ahead = 0;
  const clock = { ...systemClock, steady: () => systemClock.steady() + ahead };
  before(async () => {
    gateway = await gatewayWith(
      config,
      { ADMIN_TOKEN, BODY_MAX_BYTES: '4096', HEADERS_TIMEOUT_SECONDS: '1', REQUEST_TIMEOUT_SECONDS: '1' },
      { logger: log.logger, clock },
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

  const page = async () => {
    ahead += 1_000;
    return (await call(gateway.port, { method: 'GET', path: '/metrics' })).body;
  };

  for (const { name, bytes, status, reason, dialect, shop, origin, kept } of refusedRequests)
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
