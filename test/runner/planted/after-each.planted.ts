import { describe } from '../../support/describe.ts';

describe('a test whose teardown fails', ({ it, afterEach }) => {
  it('does not pass', () => {});
  afterEach(() => Promise.reject(new Error('after each')));
});
