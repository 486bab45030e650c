import * as assert from 'uvu/assert';
import { exactNumbers } from '../../../adapters/dialects/numbers.ts';
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
    ['[1780315200000]', '[1780315200000]'],
    ['no JSON 820982911946154508', 'no JSON "820982911946154508"'],
    ['"no end 820982911946154508', '"no end 820982911946154508'],
  ];
  for (const [text, exact] of cases) it(`are kept in ${text}`, () => assert.is(exactNumbers(text), exact));

  it('are found in one pass, also where a string has no end', () => {
    // Begun anew at each quote this would take minutes.
    const text = `"${'\\"'.repeat(1_000_000)}1234567890123456`;
    assert.is(exactNumbers(text), text);
  });
});
