import * as assert from 'uvu/assert';
import { retryAfterMs } from '../../../adapters/http/retry-after.ts';
import { describe } from '../../support/describe.ts';

const now = Date.UTC(2026, 2, 1, 12, 0, 0);

const table: readonly (readonly [header: string | null, ms: number | undefined])[] = [
  ['120', 120_000],
  [' 7 ', 7_000],
  ['1', 1_000],
  ['0', 1_000],
  ['86400', 86_400_000],
  ['86401', 86_400_000],
  ['999999999', 86_400_000],
  ['9'.repeat(400), 86_400_000],
  ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
  ['Sunday, 01-Mar-26 12:01:00 GMT', 60_000],
  ['Sun Mar  1 12:02:00 2026', 120_000],
  ['Sun, 01 Mar 2026 11:00:00 GMT', 1_000],
  ['Sun, 01 Mar 2126 12:00:00 GMT', 86_400_000],
  [null, undefined],
  ['', undefined],
  ['soon', undefined],
  ['Soon, soon', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['1e3', undefined],
  ['0x10', undefined],
  ['10 seconds', undefined],
  ['2026-03-01T12:00:30Z', undefined],
];

describe('Retry-After', ({ it, before, after }) => {
  // One of the forms does not name its zone; east of Greenwich a mistake about it shows.
  const zone = process.env.TZ;
  before(() => {
    process.env.TZ = 'Asia/Tokyo';
  });
  after(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  for (const [header, ms] of table)
    it(`reads ${JSON.stringify(header)?.slice(0, 40)} as ${ms} ms`, () => assert.is(retryAfterMs(header, now), ms));
});
