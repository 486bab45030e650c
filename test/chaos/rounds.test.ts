import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { atMost, exactly, none } from './findings.ts';
import { summed } from './rounds.ts';

describe('the findings of several rounds', ({ it }) => {
  it('adds counts up and keeps the worst of what is measured', () => {
    const rounds = [1, 2.5, 2].map((seconds) => [
      exactly('KILLS', 'kills', 5, 5),
      atMost('READY', 'seconds', seconds, 3),
    ]);
    const [kills, ready] = summed(rounds);
    assert.is(kills?.count, 15);
    assert.is(ready?.count, 2.5);
    assert.ok(kills?.passed && ready?.passed);
  });

  it('fails where one round failed, in the words of that round', () => {
    const [lost] = summed([
      [none('LOST', 'none of 10', [])],
      [none('LOST', 'some of 20', ['a'])],
      [none('LOST', 'none', [])],
    ]);
    assert.is(lost?.passed, false);
    assert.is(lost?.meaning, 'some of 20');
    assert.equal(lost?.examples, ['a']);
  });

  it('fails where a round has no such finding', () => {
    const [lost] = summed([[none('LOST', 'none', [])], []]);
    assert.is(lost?.passed, false);
  });

  it('goes by the names, and leaves out nothing that only a later round has', () => {
    const lost = none('LOST', 'none', []);
    const findings = summed([[lost], [none('KILLS', 'none', []), lost]]);
    assert.equal(
      findings.map(({ name, passed }) => [name, passed]),
      [
        ['LOST', true],
        ['KILLS', false],
      ],
    );
  });

  it('does not hide one finding behind another of its name', () => {
    const round = [exactly('EXIT', 'of most', 0, 0), exactly('EXIT', 'of the last', 1, 0)];
    assert.throws(() => summed([round, round]), 'got EXIT twice');
  });
});
