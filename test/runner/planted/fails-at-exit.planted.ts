import { describe } from '../../support/describe.ts';

process.once('exit', () => {
  process.exitCode = 7;
});
describe('a file whose process fails on its way out', ({ it }) => {
  it('passes', () => {});
});
