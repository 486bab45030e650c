import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { atMost, none } from '../findings.ts';
import { summary, together } from './summary.ts';

const found = (back: number, lost: string[]) => [
  none('LOST', 'acknowledged, never arrived', lost),
  atMost('BACK', 'seconds to the first 2xx', back, 3),
];

describe('several faults in one table', ({ it }) => {
  it('has one row for each, with what failed and what was measured', () => {
    assert.equal(summary('kill', found(0.5, [])), {
      name: 'kill',
      meaning: 'BACK 0.5',
      count: 0,
      passed: true,
      examples: [],
    });
    const lossy = summary('cut', found(4, ['r1-1']));
    assert.is(lossy.count, 2);
    assert.not(lossy.passed);
    assert.ok(lossy.examples.includes('r1-1'));
  });

  it('adds up what was lost, and tells the slowest return', () => {
    const rows = together([...found(0.5, []), ...found(1, ['r1-1']), ...found(0.7, ['r1-2', 'r1-3'])]);
    const row = (name: string) => rows.find((one) => one.name === name);
    assert.is(row('LOST')?.count, 3);
    assert.not(row('LOST')?.passed);
    assert.is(row('BACK')?.count, 1);
    assert.ok(row('BACK')?.passed);
  });
});
