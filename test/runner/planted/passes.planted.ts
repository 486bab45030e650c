import { describe } from '../../support/describe.ts';

describe('a file that passes', ({ it, skip }) => {
  it('is counted', () => {});
  skip('has what cannot be tried here', 'there is no moon');
});
