import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { parseBody } from '../../../adapters/dialects/body.ts';
import { eventSlices } from '../../../adapters/dialects/slices.ts';
import { describe } from '../../support/describe.ts';

const parsed = (body: string) => {
  const found = parseBody(body);
  return found.kind === 'parsed' ? found.value : found.code;
};

/** The strings of a value, keys included, mended one by one: slow, and plainly right. */
function mended(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(mended);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.toWellFormed(), mended(one)]));
}

describe('the text of a body', ({ it }) => {
  it('gives the same value as JSON.parse, with every string mended', () => {
    const units = fc.constantFrom('a', '\\', '"', 'u', 'd800', '\ud800', '\udc00', '\ud83d\ude00', '\u0000', 'é');
    const texts = fc.array(units).map((parts) => parts.join(''));
    const values = fc.oneof(texts, fc.dictionary(texts, texts), fc.array(texts));
    fc.assert(
      fc.property(values, (value) => assert.equal(parsed(JSON.stringify(value)), mended(value))),
      { numRuns: 2000 },
    );
  });

  it('is JSON or not, whatever escapes it has', () => {
    const pieces = fc.constantFrom(
      '"',
      '\\',
      '\\\\',
      '\\u',
      '\\ud800',
      '\\uD8',
      '\\udc00',
      '\\udzzz',
      'zz',
      '{',
      '}',
      ':',
      '[',
      ']',
      ',',
      '1',
    );
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        const text = parts.join('');
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        assert.is(parseBody(text).kind === 'parsed', valid, text);
      }),
      { numRuns: 5000 },
    );
  });

  it('may hold thousands of arrays beside each other, and brackets in strings, but not in each other', () => {
    assert.is((parsed(`[${Array(5000).fill('[]').join()}]`) as unknown[]).length, 5000);
    assert.is(parsed(`"${'['.repeat(5000)}"`), '['.repeat(5000));
    assert.is(parsed(`["\\"${'['.repeat(5000)}"]`)?.toString(), `"${'['.repeat(5000)}`);
    assert.is(parsed('['.repeat(1000) + ']'.repeat(1000)) === 'too_deep', false);
    assert.is(parsed('['.repeat(1001) + ']'.repeat(1001)), 'too_deep');
    assert.is(parsed('[ '.repeat(2000) + ']'.repeat(2000)), 'too_deep');
    assert.is(parsed('[{"a":'.repeat(1500)), 'too_deep');
  });

  it('never keeps the process busy for long, however hostile its 256 KB are', () => {
    const size = 256 * 1024;
    const hostile = {
      arrays: '['.repeat(size / 2) + ']'.repeat(size / 2),
      unclosed: '['.repeat(size),
      objects: `${'{"":'.repeat(43_000)}1${'}'.repeat(43_000)}`,
      escapes: `"${'\\ud800'.repeat(size / 6)}"`,
      backslashes: `"\\ud800${'\\\\'.repeat(size / 2 - 10)}"`,
      brackets: `["${'['.repeat(size - 10)}"]`,
    };
    for (const [what, body] of Object.entries(hostile)) {
      const took = [1, 2, 3].map(() => timed(() => parseBody(body)));
      assert.ok(Math.min(...took) < 50, `${what}: ${took.map((ms) => ms.toFixed(1)).join(', ')} ms`);
    }
  });
});

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

describe('the slices of a batch', ({ it }) => {
  const space = fc.array(fc.constantFrom(' ', '\n', '\t', '\r'), { maxLength: 2 }).map((parts) => parts.join(''));
  const json = fc.oneof(
    fc.json(),
    fc.constantFrom('-1.50e+3', '"]"', '"\\\\"', '"\\"}"', '{"events":[1]}', '[[],{}]', 'null'),
  );

  it('are the entries as they came', () => {
    fc.assert(
      fc.property(fc.array(json, { minLength: 1 }), space, json, (entries, gap, other) => {
        const list = `[${gap}${entries.join(`${gap},${gap}`)}${gap}]`;
        const body = `${gap}{${gap}"other"${gap}:${gap}${other}${gap},"\\u0065vents"${gap}:${gap}${list}${gap},"x":1${gap}}${gap}`;
        assert.equal(eventSlices(body), entries);
        assert.equal(eventSlices(`\ufeff${body}`), entries);
      }),
      { numRuns: 2000 },
    );
  });

  it('are those of the last of equal keys, as for JSON.parse', () => {
    assert.equal(eventSlices('{"events":[1],"events":[2,3]}'), ['2', '3']);
    assert.equal(eventSlices('{"events":{"a":1},"events":[]}'), []);
  });
});
