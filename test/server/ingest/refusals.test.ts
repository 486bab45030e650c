import * as assert from 'uvu/assert';
import type { TailLine } from '../../../schemas/admin-api/tail.ts';
import { createRefusals, type RefusedRequest } from '../../../server/ingest/refusals.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';
import { SHOP } from '../../support/gateway.ts';
import { loggingRefusals } from './refused-requests.ts';

describe('refusals', ({ it }) => {
  function open() {
    const clock = new TestClock();
    const log = loggingRefusals();
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
