import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';

describe('a file that fails', ({ it }) => {
  it('prints what it expected', () => {
    console.error('printed before it failed');
    assert.is('what came', 'what was expected');
  });
});
