import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import * as assert from 'uvu/assert';
import { createGate } from '../../server/admin/login.ts';
import { createShops } from '../../server/ingest/shops.ts';
import { describe } from '../support/describe.ts';
import { configOf } from '../support/gateway.ts';

const right = `shpat_${'a'.repeat(32)}`;
const nearly = `${right.slice(0, -1)}b`;
const wrong = `${'z'.repeat(6)}${'b'.repeat(32)}`;
const digest = (token: string) => crypto.createHash('sha256').update(token).digest('hex');

/** What a check digests, and what it compares in constant time. How long it takes is measured by `npm run test:system`. */
function done(check: () => unknown): { digested: unknown[]; compared: string[][] } {
  const { hash, timingSafeEqual } = crypto;
  const digested: unknown[] = [];
  const compared: string[][] = [];
  Object.assign(crypto, {
    hash: (...given: Parameters<typeof hash>) => {
      digested.push(given[1]);
      return hash(...given);
    },
    timingSafeEqual: (a: Buffer, b: Buffer) => {
      compared.push([a.toString('hex'), b.toString('hex')]);
      return timingSafeEqual(a, b);
    },
  });
  syncBuiltinESMExports();
  try {
    check();
  } finally {
    Object.assign(crypto, { hash, timingSafeEqual });
    syncBuiltinESMExports();
  }
  return { digested, compared };
}

describe('the check of a token', ({ it }) => {
  it('looks up the digest of what is given, however near it is to a token', () => {
    const { byToken } = createShops(configOf(`shops: [{ shop: a.myshopify.com, tokens: [${right}] }]`));
    for (const token of [right, nearly, wrong]) {
      let holder: unknown;
      assert.equal(
        done(() => (holder = byToken(token))),
        { digested: [token], compared: [] },
      );
      assert.is(holder !== undefined, token === right);
    }
  });

  it('of the admin API compares digests in constant time, however near they are', () => {
    const judge = createGate({ token: right, now: () => 0 });
    for (const token of [right, nearly, wrong]) {
      let kind = '';
      const { digested, compared } = done(() => ({ kind } = judge(undefined, `Bearer ${token}`)));
      assert.equal([digested, compared], [[token], [[digest(token), digest(right)]]]);
      assert.is(kind, token === right ? 'open' : 'refused');
    }
  });
});
