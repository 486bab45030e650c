import { describe } from '../../support/describe.ts';

describe('a file with a promise that nobody waits for', ({ it }) => {
  it('passes', () => void Promise.reject(new Error('rejected in passing')));
});
