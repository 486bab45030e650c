import * as assert from 'uvu/assert';
import { isPlaceholder } from '../../../adapters/dialects/placeholder.ts';
import { describe } from '../../support/describe.ts';
import { PLACEHOLDERS } from '../../support/placeholders.ts';

const IDS: readonly string[] = [
  ...['a', '1', '42', '-2', '01', '10', 'e-1', 's', 'x0', 'f', 'ff', 'no', 'yes', 'id', 'test', 'user'],
  ...['01975a3c-9f10-7c3e-9b1d-000000000016', '0f8fad5b-d9cb-469f-a165-70867728950e', '01ARZ3NDEKTSV4RRFFQ69G5FAV'],
  ...['ffffffff-ffff-ffff-ffff-fffffffffffe', '00000000-0000-0000-0000-000000000001', '0000000000000001'],
  ...[
    '{6F9619FF-8B86-D011-B42D-00C04FC964FF}',
    'undefined-1780315200000',
    'evt_null',
    'nullable',
    'anonymous-7',
    'guest 12',
  ],
  ...[
    'gid://shopify/Customer/7',
    '973022333524',
    'shopify-customer-987654321',
    'GA1.1.123.456',
    'a@b.example',
    '{id}',
    '[id]',
  ],
  ...['ffffffff-ffff-ffff-ffff-fffffffffffff', 'F8FAD5B0-D9CB-469F-A165-70867728950E', 'g'.repeat(40), '9'.repeat(40)],
  `0${'a'.repeat(40)}`,
  `${'a'.repeat(40)}}`,
  'x'.repeat(8192),
  `${' '.repeat(300)}x`,
];

describe('a placeholder', ({ it }) => {
  for (const text of PLACEHOLDERS) it(`is ${JSON.stringify(text)}`, () => assert.ok(isPlaceholder(text)));
  for (const text of IDS) it(`is not ${JSON.stringify(text.slice(0, 50))}`, () => assert.not(isPlaceholder(text)));
  it('is an empty text', () => assert.ok(isPlaceholder('')));
  it('is a long text only where it is blank', () => {
    assert.ok(isPlaceholder(' '.repeat(8192)));
    assert.not(isPlaceholder('null'.repeat(2000)));
  });
});
