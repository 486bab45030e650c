import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { atMost, none } from './findings.ts';
import { type Kept, keptTables } from './kept.ts';
import { exitCode, type Row, summaryTable } from './report.ts';
import { type Act, long, short } from './sets.ts';

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
const sets = { long, short };
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
});

describe('what is kept of runs', ({ it }) => {
  const keptOf = (set: Kept['set'], more: Partial<Kept> = {}): Kept => {
    const { scenario, about, with: options = '' } = sets[set][0] as Act;
    return {
      set,
      scenario,
      about,
      with: options,
      verdict: 'passed',
      figures: 'LOST 0',
      seconds: 90,
      seed: '1',
      commit: 'abc1234',
      machine: '2 cores',
      ...more,
    };
  };

  it('names seed and commit of the last run of each act, by set, and the machine', () => {
    const tables = keptTables([keptOf('long'), keptOf('short', { seconds: 30, seed: '7', commit: 'def5678' })]);
    const [first = '', second = ''] = tables.split('\n\n').map((table) => table.split('\n')[2]);
    assert.ok(first.endsWith(`| ${sets.long[0]?.about} | passed | LOST 0 | 1.5 | 1 | abc1234 |`));
    assert.ok(second.endsWith('| 0.5 | 7 | def5678 |'));
    assert.ok(tables.endsWith('Machine: 2 cores.'));
  });

  it('says of an act that it was never run, also where one of other arguments was', () => {
    const tables = keptTables([keptOf('long', { with: '--kills 1' })]);
    assert.is(tables.match(/not run yet/g)?.length, sets.long.length + sets.short.length);
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
