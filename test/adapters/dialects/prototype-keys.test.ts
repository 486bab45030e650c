import * as assert from 'uvu/assert';
import { withoutPrototypeKeys } from '../../../adapters/dialects/prototype-keys.ts';
import { describe } from '../../support/describe.ts';

const cleared = (text: string) => withoutPrototypeKeys(JSON.parse(text), text);
const escaped = (char: string) => `\\u00${char.charCodeAt(0).toString(16)}`;
const name = '__proto__';

describe('keys named __proto__', ({ it }) => {
  it('are seen whichever of their characters are escaped, and in either case', () => {
    for (let which = 0; which < 2 ** name.length; which += 1) {
      const key = [...name].map((char, at) => ((which >> at) & 1 ? escaped(char) : char)).join('');
      for (const spelt of [key, key.replaceAll(/(?<=u00)../g, (hex) => hex.toUpperCase())]) {
        const text = `{"${spelt}":1,"a":[{"${spelt}":{},"b":2}]}`;
        assert.equal(Object.getOwnPropertyNames(cleared(text)), ['a'], text);
        assert.equal(Object.getOwnPropertyNames((cleared(text) as { a: object[] }).a[0]), ['b'], text);
      }
    }
  });

  it('are all that is left out', () => {
    for (const text of ['{"__PROTO__":1,"proto":2,"_proto_":3}', '{"a":"__proto__"}', '{"\\u0061":"\\u005f"}', '"x"'])
      assert.equal(cleared(text), JSON.parse(text));
  });
});
