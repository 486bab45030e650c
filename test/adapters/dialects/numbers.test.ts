import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { exactNumbers, hasLongNumber } from '../../../adapters/dialects/numbers.ts';
import { describe } from '../../support/describe.ts';

describe('numbers as they are written', ({ it }) => {
  const cases: readonly (readonly [string, string])[] = [
    ['{"id":820982911946154508}', '{"id":"820982911946154508"}'],
    ['[9007199254740991,9007199254740992]', '[9007199254740991,"9007199254740992"]'],
    ['[-9007199254740993]', '["-9007199254740993"]'],
    ['{"id":"820982911946154508"}', '{"id":"820982911946154508"}'],
    ['{"820982911946154508":1}', '{"820982911946154508":1}'],
    ['["\\"820982911946154508"]', '["\\"820982911946154508"]'],
    ['[1.2345678901234567890]', '[1.2345678901234567890]'],
    ['[12345678901234567e3]', '[12345678901234567e3]'],
    ['[12345678901234567.5]', '[12345678901234567.5]'],
    ['[1e12345678901234567,1e-12345678901234567]', '[1e12345678901234567,1e-12345678901234567]'],
    ['[12.50,1e400,820982911946154508]', '[12.50,1e400,"820982911946154508"]'],
    ['{"a":820982911946154508,"b":820982911946154509}', '{"a":"820982911946154508","b":"820982911946154509"}'],
    ['[1780315200000]', '[1780315200000]'],
    ['no JSON 820982911946154508', 'no JSON "820982911946154508"'],
    ['"no end 820982911946154508', '"no end 820982911946154508'],
  ];
  for (const [text, exact] of cases) it(`are kept in ${text}`, () => assert.is(exactNumbers(text), exact));

  it('are found in one pass, also where a string has no end', () => {
    // Begun anew at each quote this would take minutes.
    const text = `"${'\\"'.repeat(1_000_000)}1234567890123456`;
    assert.is(exactNumbers(text), text);
    for (const more of [
      '1'.repeat(1_000_000),
      `${'1'.repeat(1_000_000)}.5`,
      '-'.repeat(1_000_000),
      '1,'.repeat(500_000),
    ])
      assert.is(exactNumbers(`${more}"1234567890123456"`).length >= more.length, true);
  });
});

describe('digits in a row', ({ it }) => {
  it('are seen wherever they begin, from 16 on', () => {
    for (let before = 0; before < 40; before += 1) {
      for (let count = 1; count < 40; count += 1) {
        const text = `${'x'.repeat(before)}${'7'.repeat(count)}${'y'.repeat(20)}`;
        assert.is(hasLongNumber(text), count >= 16, text);
        assert.is(hasLongNumber(text.slice(0, before + count)), count >= 16, text);
      }
    }
    assert.is(hasLongNumber('123456789012345x'.repeat(10)), false);
    assert.is(hasLongNumber('x123456789012345'.repeat(10)), false);
    assert.is(hasLongNumber(''), false);
  });

  it('are seen among others', () => {
    const pieces = fc.array(fc.tuple(fc.nat(17), fc.nat(3)), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.map(([digits, others]) => '0'.repeat(digits) + 'x'.repeat(others)).join('');
        assert.is(hasLongNumber(text), /\d{16}/.test(text), text);
      }),
      { numRuns: 5000 },
    );
  });
});
