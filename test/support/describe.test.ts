import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { compiled } from './built.ts';
import { describe } from './describe.ts';

describe('a test file that is run alone', ({ it }) => {
  const run = (name: string) =>
    spawnSync(process.execPath, [compiled(`test/runner/planted/${name}.planted.ts`)], { encoding: 'utf8' });

  for (const name of ['before', 'after', 'after-each', 'late-test', 'empty-suite', 'no-tests'])
    it(`fails: ${name}`, () => {
      const { status, stdout } = run(name);
      assert.is(status, 1, stdout);
    });

  it('passes where all pass', () => assert.is(run('passes').status, 0));
});
