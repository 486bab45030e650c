import { describe } from '../../support/describe.ts';

describe('a file that ends its process', ({ it }) => {
  it('passes first', () => {});
  it('says that all is well', () => process.exit(0));
});
