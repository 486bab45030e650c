import { spawnSync } from 'node:child_process';
import { accessSync, constants, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';

const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: { 'headless-events': string } };
const file = bin['headless-events'];

describe('What npx headless-events starts', ({ it }) => {
  it('is in a clone before every build, and executable: npx links it once and keeps what it linked', () => {
    accessSync(file, constants.X_OK);
    assert.not.match(file, 'dist');
  });

  it('asks for a build, and runs what one has made', () => {
    const folder = mkdtempSync(join(tmpdir(), 'npx-'));
    try {
      cpSync(file, join(folder, file));
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
      const run = () => spawnSync(process.execPath, [join(folder, file), 'check'], { encoding: 'utf8' });
      const before = run();
      assert.is(before.status, 1);
      assert.match(before.stderr, 'npm run build');

      mkdirSync(join(folder, 'dist/server'), { recursive: true });
      writeFileSync(join(folder, 'dist/server/cli.js'), 'console.log(process.argv.slice(1).join(" "));');
      const after = run();
      assert.is(after.status, 0);
      assert.match(after.stdout, /dist\/server\/cli\.js check\n$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
