import { describe } from '../../support/describe.ts';

describe('a test that takes too long', ({ it }) => {
  it('does not pass', () => new Promise(() => {}), { timeoutMs: 50 });
});
