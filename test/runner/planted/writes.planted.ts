import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';

describe('a file that writes its table into a page', ({ it }) => {
  it('is told to', () => assert.ok(process.argv.includes('--write')));
});
