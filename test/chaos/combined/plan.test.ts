import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { planOf, wordsOf } from './plan.ts';

describe('a schedule of faults', ({ it }) => {
  it('is the same for the same seed, and another for another', () => {
    assert.equal(planOf(7, 20), planOf(7, 20));
    assert.not.equal(planOf(7, 20).map(wordsOf), planOf(8, 20).map(wordsOf));
  });

  it('begins the same however long it is', () => {
    assert.equal(planOf(7, 20).slice(0, 5), planOf(7, 5));
  });

  it('has two or three faults at a time, never two of a group, and all kinds within a few steps', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const steps = planOf(seed, 12);
      for (const step of steps) {
        assert.ok(step.length === 2 || step.length === 3, wordsOf(step));
        assert.is(new Set(step.map(({ kind }) => groupOf(kind))).size, step.length, wordsOf(step));
      }
      assert.is(new Set(steps.flatMap((step) => step.map(({ kind }) => kind))).size, 10, `seed ${seed}`);
    }
  });

  it('never sets the clock so far that ids are forgotten', () => {
    const hours = planOf(3, 500).flatMap((step) => step.map((fault) => fault.hours));
    assert.ok(Math.max(...hours) - Math.min(...hours) < 24);
  });
});

const groupOf = (kind: string): string =>
  ['kill', 'term', 'stop', 'block'].includes(kind)
    ? 'process'
    : ['clock', 'reload'].includes(kind)
      ? 'surroundings'
      : 'destination';
