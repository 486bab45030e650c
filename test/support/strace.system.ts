import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from './describe.ts';
import { temporaryFolder } from './folder.ts';
import { canTrace, firstFailed, type Injection, under } from './strace.ts';

describe('strace', ({ it: always, skip, after }) => {
  const it: typeof always = canTrace()
    ? always
    : (promise) => skip(promise, 'strace is not installed, or this process may not trace');
  const folder = temporaryFolder();
  after(folder.remove);
  const [file, trace] = [join(folder.path, 'file'), join(folder.path, 'trace')];
  const script = `
    const { fdatasyncSync, openSync } = require('node:fs');
    const file = openSync(${JSON.stringify(file)}, 'a');
    const begin = performance.now();
    for (let count = 0; count < 3; count += 1) fdatasyncSync(file);
    process.stdout.write(String(performance.now() - begin));`;
  const run = (fault: Injection['fault'], traced?: string) => {
    const [program = '', ...words] = under({ call: 'fdatasync', when: 2, fault }, traced);
    return spawnSync(program, [...words, process.execPath, '-e', script], { encoding: 'utf8' });
  };

  it('kills, fails and delays a system call from a certain one on', () => {
    assert.is(run('kill').signal, 'SIGKILL');
    assert.match(run('EIO').stderr, /EIO/);
    const delayed = run({ delayMs: 200 });
    assert.is(delayed.status, 0, delayed.stderr);
    assert.ok(Number(delayed.stdout) >= 400, delayed.stdout);
  });

  it('says when a call on a file was first made to fail', () => {
    const before = Date.now();
    assert.match(run('EIO', trace).stderr, /EIO/);
    const text = readFileSync(trace, 'utf8');
    const at = firstFailed(text, file);
    assert.ok(at !== undefined && at >= before && at <= Date.now(), text);
    assert.is(firstFailed(text, join(folder.path, 'other')), undefined);
  });
});

describe('a trace', ({ it }) => {
  const well = '11 1700000000.100000 fdatasync(18</log/data.mdb>) = 0';
  const failed = (thread: number, at: string, file: string) =>
    `${thread} ${at} fdatasync(18<${file}>) = -1 EIO (Input/output error) (INJECTED)`;

  it('tells the failed call from those that succeed, and from those on other files', () => {
    const lines = [
      well,
      failed(12, '1700000000.200000', '/archive/a.ndjson'),
      failed(11, '1700000000.300400', '/log/data.mdb'),
      failed(12, '1700000000.400000', '/log/data.mdb'),
      '11 1700000000.500000 +++ exited with 1 +++',
    ];
    assert.is(firstFailed(lines.join('\n'), '/log/data.mdb'), 1_700_000_000_300);
    assert.is(firstFailed(lines.slice(0, 2).join('\n'), '/log/data.mdb'), undefined);
    assert.is(firstFailed('', '/log/data.mdb'), undefined);
  });

  it('follows calls that other threads interrupt, each by its thread', () => {
    const lines = [
      '11 1700000000.100000 fdatasync(18</archive/a.ndjson> <unfinished ...>',
      '12 1700000000.200000 fdatasync(18</log/data.mdb> <unfinished ...>',
      '11 1700000000.300000 <... fdatasync resumed>) = -1 EIO (Input/output error) (INJECTED)',
      '12 1700000000.400000 <... fdatasync resumed>) = -1 EIO (Input/output error) (INJECTED)',
    ];
    assert.is(firstFailed(lines.join('\n'), '/log/data.mdb'), 1_700_000_000_200);
  });
});
