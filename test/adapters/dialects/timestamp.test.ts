import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { iso, whenOf, wrongTime } from '../../../adapters/dialects/timestamp.ts';
import { describe } from '../../support/describe.ts';

const RECEIVED = Date.UTC(2026, 5, 1, 12);
const NOON = '2026-06-01T12:00:00.000Z';

/** What clients write for a time, and the time it is. */
const READ: readonly (readonly [unknown, string])[] = [
  ['2026-06-01T12:00:00Z', NOON],
  ['2026-06-01T12:00:00.000Z', NOON],
  ['2026-06-01T12:00:00.123456789Z', '2026-06-01T12:00:00.123Z'],
  ['2026-06-01T12:00:00,5Z', '2026-06-01T12:00:00.500Z'],
  ['20260601T120000Z', NOON],
  ['20260601T140000+0200', NOON],
  ['20260601', '2026-06-01T00:00:00.000Z'],
  ['2026-06-01', '2026-06-01T00:00:00.000Z'],
  ['2026-06-01T12:00', NOON],
  ['2026-06-01 12:00:00', NOON],
  ['2026-06-01t12:00:00z', NOON],
  ['2026-06-01T14:00:00+02:00', NOON],
  ['2026-06-01T14:00:00 +02', NOON],
  ['2026-06-01T24:00:00Z', '2026-06-02T00:00:00.000Z'],
  ['2026-06-01T14:00:00+02:00[Europe/Berlin]', NOON],
  ['2026-06-01T14:00:00+02:00[Europe/Berlin][u-ca=iso8601]', NOON],
  ['2026-06-01T12:00:00Z[UTC]', NOON],
  ['2026-06-01T12:00:00+00:00', NOON],
  ['2026-06-01T12:00:00.000+0000', NOON],
  ['2026-06-01T12:00:00-0000', NOON],
  ['2026-06-01T12:00:00 UTC', NOON],
  ['2026-06-01 12:00:00 +0000', NOON],
  ['2026-06-01 12:00:00.123456+00', '2026-06-01T12:00:00.123Z'],
  ['2026-05-29T12:00:00Z', '2026-05-29T12:00:00.000Z'],
  ['2026-05-31T23:59:59.999Z', '2026-05-31T23:59:59.999Z'],
  ['2026-06-01T12:00:00.5Z', '2026-06-01T12:00:00.500Z'],
  ['6/1/2026, 12:00:00\u202fPM', NOON],
  ['\u200e6\u200e/\u200e1\u200e/\u200e2026', '2026-06-01T00:00:00.000Z'],
  ['２０２６-０６-０１T１２:００:００Z', NOON],
  ['Mon, 1 Jun 2026 12:00:00 GMT', NOON],
  ['1 Jun 2026 12:00:00 +0000', NOON],
  ['Mon Jun  1 12:00:00 2026', NOON],
  ['1780315200000.000', NOON],
  [' 1780315200000 ', NOON],
  ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000Z'],
  ['2003-01-01T00:00:00Z', '2003-01-01T00:00:00.000Z'],
  ['2026-06-01 2:05:07 PM', '2026-06-01T14:05:07.000Z'],
  ['2026-06-01 12:05:07 a.m.', '2026-06-01T00:05:07.000Z'],
  ['٢٠٢٦-٠٦-٠١T١٢:٠٠:٠٠Z', NOON],
  ['२०२६-०६-०१T१२:००:००Z', NOON],
  ['Mon, 01 Jun 2026 14:00:00 +0200', NOON],
  ['Mon Jun 01 2026 14:00:00 GMT+0200 (Central European Summer Time)', NOON],
  ['June 1, 2026 12:00', NOON],
  ['Jun 1, 2026, 2:05:07 PM', '2026-06-01T14:05:07.000Z'],
  ['2026/06/01 12:00:00', NOON],
  ['6/1/2026', '2026-06-01T00:00:00.000Z'],
  ['Thu, 31 Dec 2025 23:30:00 -0500', '2026-01-01T04:30:00.000Z'],
  ['2026-02-30T00:00:00Z', '2026-03-02T00:00:00.000Z'],
  [1780315200000, NOON],
  [1780315200000.75, NOON],
  ['1780315200000', NOON],
  ['946684800000', '2000-01-01T00:00:00.000Z'],
  ['2000-01-01T00:00:00Z', '2000-01-01T00:00:00.000Z'],
  ['2026-06-02T12:00:00Z', '2026-06-02T12:00:00.000Z'],
];

const NOT_READ: readonly (readonly [unknown, string])[] = [
  [undefined, 'absent'],
  [null, 'absent'],
  ['', 'absent'],
  ['product 7', 'unreadable'],
  ['1 июня 2026', 'unreadable'],
  ['2026-06-01 product', 'unreadable'],
  ['2026-06-01T25:00:00Z', 'unreadable'],
  ['2026-06-01T24:30:00Z', 'unreadable'],
  ['2026-06-01T12:00:00+99:00', 'unreadable'],
  ['0000-00-00 00:00:00', 'unreadable'],
  ['undefined', 'unreadable'],
  ['null', 'unreadable'],
  ['NaN', 'unreadable'],
  ['{{timestamp}}', 'unreadable'],
  ['   ', 'unreadable'],
  ['01 Jun 26 12:00:00 GMT', 'unreadable'],
  ['+058385-01-01T00:00:00Z', 'unreadable'],
  [[1780315200000], 'unreadable'],
  ['1780315200.123', 'digits'],
  ['-1780315200000', 'digits'],
  ['20260601120000', 'digits'],
  ['1970-01-01T00:00:00Z', 'too_early'],
  ['0001-01-01T00:00:00Z', 'too_early'],
  ['product 2026', 'unreadable'],
  ['99999-01-01', 'unreadable'],
  ['2026-13-01', 'unreadable'],
  ['2026-06-01 14:05:07 PM', 'unreadable'],
  ['2026-06-01T12:00:00[Europe/Berlin]', 'unreadable'],
  ['Invalid Date', 'unreadable'],
  ['now', 'unreadable'],
  [{}, 'unreadable'],
  [true, 'unreadable'],
  ['2026-06-01 '.repeat(20), 'unreadable'],
  ['1', 'digits'],
  ['2026', 'digits'],
  [1780315200, 'digits'],
  ['1780315200', 'digits'],
  [1780315200000000, 'digits'],
  ['1780315200000000000', 'digits'],
  [0, 'digits'],
  [-1, 'digits'],
  [Number.NaN, 'digits'],
  ['1999-12-31T23:59:59Z', 'too_early'],
  [946684799999, 'too_early'],
  ['2026-06-02T12:00:01Z', 'too_late'],
  ['2090-01-01', 'too_late'],
];

describe('the time of an event', ({ it }) => {
  const received = iso(RECEIVED);
  for (const [value, timestamp] of READ) {
    it(`is ${timestamp} for ${JSON.stringify(value)}`, () => {
      assert.equal(whenOf(value, RECEIVED, received), { timestamp, timestamp_source: 'client' });
      assert.is(wrongTime(value, RECEIVED, received), undefined);
    });
  }
  for (const [value, why] of NOT_READ) {
    it(`is that of its receipt for ${String(JSON.stringify(value)).slice(0, 60)}: ${why}`, () => {
      assert.equal(whenOf(value, RECEIVED, received), { timestamp: NOON, timestamp_source: 'received' });
      assert.is(wrongTime(value, RECEIVED, received), why === 'absent' ? undefined : why);
    });
  }

  it('is in four digits of its year whatever comes, and never more than a day after its receipt', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.date({ noInvalidDate: false }).map(String),
      fc
        .tuple(fc.nat(99_999_999), fc.string({ unit: fc.constantFrom(...'0123456789-/:.,+ TZapm'), maxLength: 30 }))
        .map((parts) => parts.join('-')),
    );
    fc.assert(
      fc.property(fc.oneof(texts, fc.jsonValue(), fc.double()), (value) => {
        const { timestamp } = whenOf(value, RECEIVED, received);
        assert.match(timestamp, /^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.ok(Date.parse(timestamp) <= RECEIVED + 24 * 3_600_000);
      }),
      { numRuns: 5000 },
    );
  });
});
