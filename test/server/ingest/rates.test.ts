import * as assert from 'uvu/assert';
import { createRates } from '../../../server/ingest/rates.ts';
import { createShops, type TokenHolder } from '../../../server/ingest/shops.ts';
import { describe } from '../../support/describe.ts';
import { configOf } from '../../support/gateway.ts';

const shops = createShops(
  configOf(`
shops:
  - { shop: a.myshopify.com, tokens: [a1, a2], glood: { allowShopHeaderOnly: true } }
  - { shop: b.myshopify.com, tokens: [b1] }`),
);
const holder = (token: string) => shops.byToken(token)!;

/** Rates on a clock of their own. */
function rates(perToken: number, perShop: number) {
  let time = 1_000_000;
  const exceeded: string[] = [];
  const own = createRates({
    perToken,
    perShop,
    now: () => time,
    onExceeded: ({ config }) => exceeded.push(config.shop),
  });
  return {
    exceeded,
    spend: own.spend,
    wait: own.wait,
    pass: (ms: number) => {
      time += ms;
    },
    /** How many of this many requests come through. */
    admitted: (from: TokenHolder, requests: number) =>
      Array.from({ length: requests }).filter(() => own.wait(from) === 0).length,
  };
}

describe('rate limits', ({ it }) => {
  it('let two seconds of a token come at once, then its rate', () => {
    const { admitted, pass } = rates(10, 0);
    assert.is(admitted(holder('a1'), 100), 20);
    for (let second = 0; second < 5; second += 1) {
      pass(1_000);
      assert.is(admitted(holder('a1'), 100), 10);
    }
    pass(3_600_000);
    assert.is(admitted(holder('a1'), 100), 20, 'a quiet hour is worth no more than two seconds');
  });

  it('leave the other tokens of a shop, and other shops, alone', () => {
    const { admitted, exceeded } = rates(10, 0);
    assert.is(admitted(holder('a1'), 1_000), 20);
    assert.is(admitted(holder('a2'), 20), 20);
    assert.is(admitted(holder('b1'), 20), 20);
    assert.equal(exceeded, ['a.myshopify.com']);
  });

  it('hold for all tokens of a shop together, and for whoever comes without one', () => {
    const { admitted } = rates(0, 10);
    assert.is(admitted(holder('a1'), 15) + admitted(holder('a2'), 15), 20);
    assert.is(admitted(shops.anybody('a.myshopify.com')!, 5), 0);
    assert.is(admitted(holder('b1'), 5), 5);
  });

  it('take nothing of the token where the shop is over its limit', () => {
    const { admitted, pass } = rates(10, 5);
    admitted(holder('a1'), 10);
    assert.is(admitted(holder('a2'), 1_000), 0);
    pass(1_000);
    assert.is(admitted(holder('a2'), 1_000), 5);
  });

  it('say when to come again', () => {
    const { admitted, wait, pass, spend } = rates(10, 0);
    admitted(holder('a1'), 20);
    assert.is(wait(holder('a1')), 1);
    spend(holder('a1'), 15 * 16 * 1024);
    assert.is(wait(holder('a1')), 2);
    pass(1_600);
    assert.is(wait(holder('a1')), 0);
  });

  it('count a large body as several requests, and remember no more of them than two seconds pay', () => {
    const { admitted, spend, pass } = rates(10, 0);
    spend(holder('a1'), 16 * 1024 - 1);
    assert.is(admitted(holder('a1'), 100), 20);
    spend(holder('b1'), 5 * 16 * 1024);
    assert.is(admitted(holder('b1'), 100), 15);
    for (let i = 0; i < 1_000; i += 1) spend(holder('b1'), 256 * 1024);
    pass(2_100);
    assert.is(admitted(holder('b1'), 100), 1);
  });

  it('are none where they are 0', () => {
    const { admitted, exceeded } = rates(0, 0);
    assert.is(admitted(holder('a1'), 100_000), 100_000);
    assert.equal(exceeded, []);
  });

  it('stand a clock that jumps', () => {
    const { admitted, pass } = rates(10, 0);
    admitted(holder('a1'), 20);
    pass(-3_600_000);
    assert.is(admitted(holder('a1'), 5), 0);
    pass(1_000);
    assert.is(admitted(holder('a1'), 100), 10, 'from where it was set, it goes on');
    pass(30 * 24 * 3_600_000);
    assert.is(admitted(holder('a1'), 100), 20);
  });

  it('are told of once a minute for each shop, not once a request', () => {
    const { admitted, exceeded, pass } = rates(1, 0);
    admitted(holder('a1'), 1_000);
    pass(59_000);
    admitted(holder('a1'), 1_000);
    assert.equal(exceeded, ['a.myshopify.com']);
    admitted(holder('b1'), 1_000);
    pass(2_000);
    admitted(holder('a1'), 1_000);
    assert.equal(exceeded, ['a.myshopify.com', 'b.myshopify.com', 'a.myshopify.com']);
  });
});
