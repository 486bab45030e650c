import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from './describe.ts';
import { temporaryFolder } from './folder.ts';
import { canTrace, type Injection, under } from './strace.ts';

describe('strace', ({ it, after }) => {
  const folder = temporaryFolder();
  after(folder.remove);
  const script = `
    const { fdatasyncSync, openSync } = require('node:fs');
    const file = openSync(${JSON.stringify(join(folder.path, 'file'))}, 'a');
    const begin = performance.now();
    for (let count = 0; count < 3; count += 1) fdatasyncSync(file);
    process.stdout.write(String(performance.now() - begin));`;
  const run = (fault: Injection['fault']) => {
    const [program = '', ...words] = under({ call: 'fdatasync', when: 2, fault });
    return spawnSync(program, [...words, process.execPath, '-e', script], { encoding: 'utf8' });
  };

  it('kills, fails and delays a system call from a certain one on', () => {
    // Not everybody may trace. The scenarios that need it count as not run there.
    if (!canTrace()) return;
    assert.is(run('kill').signal, 'SIGKILL');
    assert.match(run('EIO').stderr, /EIO/);
    const delayed = run({ delayMs: 200 });
    assert.is(delayed.status, 0, delayed.stderr);
    assert.ok(Number(delayed.stdout) >= 400, delayed.stdout);
  });
});
