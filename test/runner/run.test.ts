import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { compiled } from '../support/built.ts';
import { describe } from '../support/describe.ts';
import { temporaryFolder } from '../support/folder.ts';
import { alive } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { filesOf, longestFirst } from './files.ts';
import { run } from './run.ts';
import type { FileReport } from './test-process.ts';

/** Each planted file, by its name: what its line says, and what must be printed with it. */
const faults: Record<string, { says: RegExp; prints?: RegExp }> = {
  fails: { says: /0 passed, 1 FAILED/, prints: /printed before it failed[\s\S]*what.came[\s\S]*fails\.planted\.ts/ },
  'no-tests': { says: /0 passed/ },
  'empty-suite': { says: /0 passed, 1 FAILED/, prints: /a suite of nothing: a suite without tests/ },
  throws: { says: /0 passed, 1 FAILED/, prints: /thrown while it is loaded[\s\S]*throws\.planted\.ts/ },
  exits: { says: /0 passed · ended early with 1/, prints: /Exiting early/ },
  'exits-at-load': { says: /0 passed · ended early with 0/ },
  before: { says: /0 passed, 1 FAILED/, prints: /before/ },
  after: { says: /1 passed, 1 FAILED/, prints: /teardown failed[\s\S]*after/ },
  'after-each': { says: /0 passed, 1 FAILED/, prints: /after each/ },
  'late-test': { says: /0 passed, 1 FAILED/, prints: /still running after 0\.05 s/ },
  rejects: { says: /0 passed · ended early with 1/, prints: /rejected in passing[\s\S]*rejects\.planted\.ts/ },
};

/** What the file that hangs prints, and writes into a file of its own: its process and the one that it has started. */
const pidsIn = (text: string): number[] => (/^pids (\d+) (\d+)$/m.exec(text) ?? []).slice(1).map(Number);

async function hanging(folder: string): Promise<number[]> {
  const path = await until(() =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((found) => found.endsWith('/pids')),
  );
  const pids = await until(() => {
    const found = pidsIn(readFileSync(join(folder, path), 'utf8'));
    return found.length === 2 ? found : undefined;
  });
  assert.equal(alive(pids), pids);
  return pids;
}

describe('a run of test files', ({ it, before, after }) => {
  const folder = temporaryFolder();
  after(folder.remove);
  const timesFile = join(folder.path, 'times.json');
  let lines: string[] = [];
  const planted = (parts: string[], limitMs = 60_000): Promise<FileReport[]> => {
    lines = [];
    const interrupt = new AbortController().signal;
    const print = (text: string) => void lines.push(text);
    return run({ kind: 'planted', parts, args: [], processes: 1, limitMs, timesFile, interrupt, print });
  };
  const printed = () => lines.join('\n');
  const all: Record<string, { report: FileReport | undefined; printed: string }> = {};
  before(async () => {
    // One after the other in the same processes, as in a run of all.
    const reports = await planted(Object.keys(faults).map((name) => `planted/${name}.`));
    for (const name of Object.keys(faults)) {
      const own = (text: string) => text.includes(`planted/${name}.planted.ts ·`);
      const at = lines.findLastIndex((text) => own(text) && / of /.test(text));
      all[name] = {
        report: reports.findLast(({ file }) => file.endsWith(`/${name}.planted.ts`)),
        printed: lines.slice(at, at + 2).join('\n'),
      };
    }
  });

  for (const [name, { says, prints = /(?:)/ }] of Object.entries(faults))
    it(`fails, and shows why: ${name}`, () => {
      assert.is(all[name]?.report?.ok, false);
      assert.match(all[name]?.printed ?? '', says);
      assert.match(all[name]?.printed ?? '', prints);
    });

  it('passes what passes, also beside what fails, and says what was skipped', async () => {
    const reports = await planted(['planted/passes', 'planted/throws']);
    assert.equal(reports.map(({ file, ok }) => `${file} ${ok}`).sort(), [
      'runner/planted/passes.planted.ts true',
      'runner/planted/throws.planted.ts false',
    ]);
    assert.match(printed(), /passes\.planted\.ts · 1 passed, 1 skipped · /);
    assert.match(printed(), /\nSkipped:\n.*passes\.planted\.ts: a file that passes: .*: there is no moon\n/);
    assert.match(printed(), /\nFailed:\n.*throws\.planted\.ts · 0 passed, 1 FAILED/);
    assert.match(printed(), /\n2 files, 1 passed, 1 failed, 1 skipped, [\d.]+ s$/);
    assert.match(printed(), /\nThe slowest:\n {2}0\.0 s {2}\S+passes\.planted\.ts: is counted\n/);
  });

  it('fails where the process of a file fails after its tests', async () => {
    const reports = await planted(['planted/fails-at-exit']);
    assert.equal(
      reports.map(({ ok, ended }) => [ok, ended]),
      [
        [true, undefined],
        [false, 'ended with 7 after its tests'],
      ],
    );
    assert.match(printed(), /\nFailed:\n.*fails-at-exit\.planted\.ts · 0 passed · ended with 7 after its tests/);
  });

  it('ends a file that takes too long, with what it has started', async () => {
    const [report] = await planted(['planted/hangs'], 1500);
    assert.is(report?.ok, false);
    assert.match(printed(), /hangs\.planted\.ts · 0 passed · still running after 1\.5 s/);
    const pids = pidsIn(report?.output ?? '');
    assert.is(pids.length, 2);
    await until(() => alive(pids).length === 0);
  });

  it('leaves nothing of what tests have left', async () => {
    const [report] = await planted(['planted/leaves']);
    assert.is(report?.ok, true, printed());
    const pid = Number(/left (\d+)/.exec(report?.output ?? '')?.[1]);
    assert.ok(pid > 0);
    await until(() => alive([pid]).length === 0);
  });

  it('says in a sentence that nothing has such a name', async () => {
    const error = await planted(['no-such-part']).catch((reason: Error) => reason);
    assert.match(
      String(error),
      /test: must name a part of the path of a file \*\.planted\.ts, got no-such-part; there are \d+: /,
    );
  });
});

describe('the command that runs tests', ({ it }) => {
  const start = (folder: string, ...parts: string[]) => {
    const child = spawn(process.execPath, [compiled('test/run.ts'), 'planted', ...parts], {
      env: { PATH: process.env.PATH, TMPDIR: folder, TEST_PROCESSES: '2' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += String(text);
      });
    return { child, ended: new Promise((resolve) => child.once('close', resolve)), output: () => output };
  };

  it('ends with 0 where all passed, with 1 where one failed or there is none', async () => {
    const folder = temporaryFolder();
    for (const [parts, code, says] of [
      [['planted/passes'], 0, /1 files, 1 passed/],
      [['planted/writes', '--write'], 0, /1 files, 1 passed/],
      [['planted/writes'], 1, /Failed:\n.*writes/],
      [['planted/passes', 'planted/no-tests'], 1, /Failed:\n.*no-tests/],
      [['no-such-part'], 1, /^test: must name a part/],
      [['--no-such-option'], 1, /^test: must name a part/],
    ] as const) {
      const { ended, output } = start(folder.path, ...parts);
      assert.is(await ended, code, output());
      assert.match(output(), says);
    }
    assert.equal(readdirSync(folder.path), []);
    folder.remove();
  });

  for (const name of ['SIGINT', 'SIGTERM'] as const)
    it(`ends everything on ${name}, leaves nothing, and says so`, async () => {
      const folder = temporaryFolder();
      const { child, ended, output } = start(folder.path, 'planted/hangs', 'planted/late-test');
      const pids = await hanging(folder.path);
      child.kill(name);
      assert.is(await ended, 1);
      assert.match(output(), new RegExp(`test: interrupted by ${name}`));
      await until(() => alive(pids).length === 0);
      assert.equal(readdirSync(folder.path), []);
      folder.remove();
    });

  it('ends everything and leaves nothing where it is killed itself', async () => {
    const folder = temporaryFolder();
    const { child } = start(folder.path, 'planted/hangs');
    const pids = await hanging(folder.path);
    child.kill('SIGKILL');
    await until(() => alive(pids).length === 0 && readdirSync(folder.path).length === 0);
    folder.remove();
  });
});

describe('the order of test files', ({ it }) => {
  it('is the longest first: by their last run, or by their size', () => {
    const files = filesOf('test', ['runner/', 'support/describe']);
    const [known = '', ...others] = files.slice(0, 3);
    assert.equal(longestFirst(files, { [known]: 1e9 })[0], known);
    assert.equal(longestFirst(files, Object.fromEntries(others.map((file) => [file, 1e8])))[0], others.sort()[0]);
    assert.ok(existsSync(join('test', known)));
  });

  it('has first what starts processes, where nothing has run yet', () => {
    const order = longestFirst(filesOf('test', ['server/']), {});
    const largest = order.indexOf('server/deliver/deliver.test.ts');
    for (const file of [
      'server/process/processes.test.ts',
      'server/process/owner.test.ts',
      'server/config/start-errors.test.ts',
    ])
      assert.ok(order.indexOf(file) < largest, `${file} is ${order.indexOf(file)}, ${largest} is the largest`);
  });
});
