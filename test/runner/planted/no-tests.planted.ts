// A test file that holds no test.
import '../../support/describe.ts';
