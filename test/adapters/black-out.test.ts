import * as assert from 'uvu/assert';
import { blackOut } from '../../adapters/black-out.ts';
import { excerpt } from '../../adapters/http/answer.ts';
import { interpolate } from '../../server/config/interpolate.ts';
import { describe } from '../support/describe.ts';

const stars = (text: string, ...secrets: string[]): string =>
  blackOut(
    text,
    secrets.map((secret) => [secret, '***'] as const),
  );

describe('secrets in a text', ({ it }) => {
  it('go whole, in whatever order they are given, where one holds another', () => {
    for (const secrets of [
      ['key-1234', 'key-1234-and-more'],
      ['key-1234-and-more', 'key-1234'],
    ]) {
      assert.is(stars('got key-1234-and-more', ...secrets), 'got ***');
      assert.is(excerpt('got key-1234-and-more', secrets), 'got ***');
    }
  });

  it('go whole where they overlap or meet', () => {
    assert.is(stars('xabcdefx', 'abc', 'bcdef'), 'x***x');
    assert.is(stars('aaaa', 'aa'), '***');
    assert.is(stars('abcdef', 'abc', 'def'), '******');
  });

  it('are none where they are empty, and stay out of what stands for them', () => {
    assert.is(stars('a', ''), 'a');
    assert.is(
      blackOut('one two', [
        ['one', 'two'],
        ['two', 'one'],
      ]),
      'two one',
    );
  });

  it('of the environment become the name of the longest', () => {
    const env = { SHORT: 'key-1234', LONG: 'key-1234-and-more' };
    const { redact } = interpolate({ a: `\${SHORT}`, b: `\${LONG}` }, env);
    assert.is(redact('got key-1234-and-more and key-1234'), `got \${LONG} and \${SHORT}`);
  });
});
