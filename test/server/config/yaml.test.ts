import * as assert from 'uvu/assert';
import { ConfigError } from '../../../server/base/errors.ts';
import { parseYaml } from '../../../server/config/yaml.ts';
import { describe } from '../../support/describe.ts';

const nine = (item: string): string => `[${Array(9).fill(item).join(', ')}]`;
/** Each level holds the one before nine times: 9^8 values of some lines. */
const laughs = `a: &a ${nine('x')}\n${[...'bcdefgh'].map((name, i) => `${name}: &${name} ${nine(`*${'abcdefgh'[i]}`)}`).join('\n')}`;
/** Each of a hundred anchors nests the one before 90 deep. */
const nested = `a0: &a0 x\n${Array.from({ length: 100 }, (_, n) => `a${n + 1}: &a${n + 1} ${'['.repeat(90)}*a${n}${']'.repeat(90)}`).join('\n')}`;

const unreadable: readonly [what: string, text: string, says: RegExp][] = [
  [
    'an alias that holds itself',
    'shops: &all\n  - *all\n',
    /^it, line 2, column 5: an alias \(\*name\) must not be inside the value that it repeats/,
  ],
  [
    'an alias in a map that holds itself',
    '&all { shops: { a: [*all] } }',
    /^it, line 1, column 21: an alias .* must not be inside/,
  ],
  ['aliases that blow up', laughs, /^it: there must be at most 1000 aliases/],
  ['aliases that nest', nested, /^it: (with its aliases|there must be) /],
  [
    'lists 100,000 deep',
    `shops: ${'['.repeat(100_000)}`,
    /^it, line 1, column 1\d\d: must be nested at most 100 deep, got more/,
  ],
  [
    'dashes 100,000 deep',
    `shops:\n  ${'- '.repeat(100_000)}x`,
    /^it, line 2, column 2\d\d: must be nested at most 100 deep, got more/,
  ],
  [
    'maps 2,000 deep',
    Array.from({ length: 2000 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'),
    /^it, line 10\d, column 10\d: must be nested at most 100 deep, got more/,
  ],
  ['a second document', 'shops: []\n---\nshops: []', /^it, line 2, column 1: must be one document, got a second one/],
  ['a tag', 'shops: !secret-text [a]', /^it, line 1, column 8: Unresolved tag$/],
  ['a key twice', 'shops: []\nshops: []', /^it, line 2, column 1: Map keys must be unique$/],
  [
    'a variable in a list',
    `a: 1\nb: [x, \${NAME}]`,
    /^it, line 2, column 8: inside \[ \] and \{ \} .*must be in quotes, as in \["\$\{NAME\}"\]$/,
  ],
  [
    'a variable in a map',
    `b: { url: https://x/\${NAME}, c: 1 }`,
    /^it, line 1, column 21: inside .* must be in quotes, as in \["\$\{NAME\}"\]$/,
  ],
  ['a missing comma', 'b: ["x" "secret-text"]', /^it, line 1, column \d+: Missing , or : between flow sequence items$/],
  ['a tab', 'shops:\n\t- a', /^it, line 2, column 1: Tabs are not allowed/],
];

describe('YAML that cannot be read', ({ it }) => {
  for (const [what, text, says] of unreadable) {
    it(`is refused in sentences that say where: ${what}`, () => {
      try {
        parseYaml(text, 'it');
        assert.unreachable();
      } catch (error) {
        assert.instance(error, ConfigError);
        const { mistakes } = error as ConfigError;
        assert.match(mistakes[0] ?? '', says);
        assert.not.match(mistakes.join(), /secret-text|call stack/);
      }
    });
  }
});

describe('YAML that looks odd', ({ it }) => {
  for (const [what, text, value] of [
    ['a mark of byte order', '\uFEFFshops: []', { shops: [] }],
    ['line ends of Windows', 'shops:\r\n  - a\r\n', { shops: ['a'] }],
    ['huge numbers', 'shops: [1e999, 99999999999999999999]', { shops: [Number.POSITIVE_INFINITY, 1e20] }],
    ['a zero', 'shops: "a\\0b"', { shops: 'a\0b' }],
    ['nothing', '', null],
    ['aliases', 'a: &a [1]\nb: *a', { a: [1], b: [1] }],
  ] as const) {
    it(`is read: ${what}`, () => assert.equal(parseYaml(text, 'it').value, value));
  }
});

describe('places in YAML', ({ it }) => {
  const text = 'shops:\n  - shop: a\n    tokens: [x, "y"]\n  - &b\n    shop: b\nmore: { deep: [*b], "a b": 1 }\n';
  const { placeOf } = parseYaml(text, 'it');
  for (const [path, place] of [
    [['shops'], 'line 1, column 1'],
    [['shops', 0], 'line 2, column 5'],
    [['shops', 0, 'tokens', 1], 'line 3, column 17'],
    [['shops', 1, 'shop'], 'line 5, column 5'],
    [['more', 'deep', 0], 'line 6, column 16'],
    [['more', 'deep', 0, 'shop'], 'line 5, column 5'],
    [['more', 'a b'], 'line 6, column 21'],
    [['shops', 0, 'missing', 'x'], 'line 2, column 5'],
    [[], 'line 1, column 1'],
  ] as const) {
    it(`are known: ${path.join('.') || 'the whole'}`, () => assert.is(placeOf(path), place));
  }

  it('are unknown of nothing', () => assert.is(parseYaml('', 'it').placeOf(['a']), undefined));
});
