import { describe } from '../../support/describe.ts';

describe('a suite of nothing', () => {});
