import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { atMost, none } from './findings.ts';
import { exitCode, type Row, rowsTable, summaryTable } from './report.ts';

const row = (verdict: Row['verdict'], more: Partial<Row> = {}): Row => ({
  act: { scenario: 'kill', about: 'kill -9' },
  seed: '1',
  seconds: 90,
  commit: 'abc1234',
  machine: '2 cores',
  findings: [],
  verdict,
  ...more,
});
const red = '\x1b[1;31m';

describe('the table of a run', ({ it }) => {
  it('shows what failed and what was not run in red, and counts them', () => {
    const rows = [row('passed'), row('failed'), row('not run', { why: 'xfs_io is missing' })];
    const table = summaryTable(rows, true);
    assert.ok(table.includes(`${red}FAILED`));
    assert.ok(table.includes(`${red}NOT RUN`));
    assert.ok(table.includes('xfs_io is missing'));
    assert.ok(table.endsWith('1 passed, 1 failed, 1 not run'));
  });

  it('has no colours where the output is no terminal', () => {
    assert.not.ok(summaryTable([row('failed')], false).includes('\x1b'));
  });

  it('says how many were lost, also where none were', () => {
    const findings = [none('LOST', 'lost', []), none('PHANTOM', 'phantoms', []), atMost('READY', 'seconds', 1.5, 3)];
    assert.ok(summaryTable([row('passed', { findings })], false).includes('| LOST 0, READY 1.5 |'));
  });

  it('shows of a failure what failed, and nothing else', () => {
    const findings = [none('LOST', 'never arrived', ['e1']), atMost('READY', 'seconds', 1.5, 3)];
    assert.ok(summaryTable([row('failed', { findings })], false).includes('| LOST 1: never arrived |'));
  });

  it('names seed, commit and machine of each row for the README', () => {
    const table = rowsTable([row('passed'), row('passed', { commit: 'def5678', seed: '7' })]);
    assert.match(table, /\| 1\.5 \| 7 \| def5678 \|/);
    assert.ok(table.endsWith('Machine: 2 cores.'));
  });
});

describe('the exit code of a run', ({ it }) => {
  it('is 0 only if everything was run and passed', () => {
    assert.is(exitCode([row('passed'), row('passed')]), 0);
    assert.is(exitCode([row('passed'), row('not run')]), 2);
    assert.is(exitCode([row('not run'), row('failed')]), 1);
    assert.is(exitCode([]), 1);
  });
});
