import { describe } from '../../support/describe.ts';

describe('a suite whose teardown fails', ({ it, after }) => {
  it('passes', () => {});
  after(() => Promise.reject(new Error('after')));
});
