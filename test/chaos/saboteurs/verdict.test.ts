import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { atMost, none } from '../findings.ts';
import { droppers } from './droppers.ts';
import type { Saboteur } from './saboteur.ts';
import { caught, honest } from './verdict.ts';

describe('the verdict on saboteurs', ({ it }) => {
  const [saboteur] = droppers as [Saboteur];
  const failed = (name: string) => ({ verdict: 'failed' as const, findings: [none(name, 'of two', ['a', 'b'])] });
  const late = atMost('READY', 'seconds', 9, 3);

  it('is passed by one that is found out by what it does, with how often', () => {
    const { name, count, passed, examples } = caught(saboteur, failed(saboteur.caughtBy[0] ?? ''));
    assert.equal({ name, count, passed, examples }, { name: saboteur.name, count: 2, passed: true, examples: ['a'] });
  });

  it('is failed by one that goes free, or is found out by something else', () => {
    const free = caught(saboteur, { verdict: 'passed', findings: [none(saboteur.caughtBy[0] ?? '', 'of two', [])] });
    assert.not(free.passed);
    assert.match(free.meaning, 'WENT FREE of LOST');
    assert.not(caught(saboteur, failed('ORDER')).passed);
    assert.not(caught(saboteur, { verdict: 'failed', why: 'it ended without a result', findings: [] }).passed);
  });

  it('wants the honest build to pass, however slow it is', () => {
    assert.ok(honest('kill', { verdict: 'failed', findings: [none('LOST', 'of two', []), late] }).passed);
    assert.not(honest('kill', failed('LOST')).passed);
    assert.not(honest('kill', { verdict: 'failed', why: 'it broke off', findings: [] }).passed);
    assert.not(honest('kill', { verdict: 'passed', findings: [] }).passed);
  });

  it('counts what could not be played as not run', () => {
    assert.is(caught(saboteur, { verdict: 'not run', why: 'no root', findings: [] }).name, 'NOT RUN');
    assert.is(honest('power', { verdict: 'not run', why: 'no root', findings: [] }).name, 'NOT RUN');
  });
});
