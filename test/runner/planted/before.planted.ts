import { describe } from '../../support/describe.ts';

describe('a suite whose preparation fails', ({ it, before }) => {
  before(() => Promise.reject(new Error('before')));
  it('does not pass', () => {});
});
