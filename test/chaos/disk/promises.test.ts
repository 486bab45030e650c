import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import type { Answer } from '../answers.ts';
import type { Finding } from '../findings.ts';
import { ackedPerSecond, type Death, judgeDeaths, judgeSyncs } from './promises.ts';

const answer = (at: number, ms: number, more: Partial<Answer> = {}): Answer => ({
  ...{ kind: 'acked', lane: 'lane0', from: 0, count: 10, why: '201', at, ms },
  ...more,
});
const refused = (at: number, ms: number) => answer(at, ms, { kind: 'refused', why: '503' });
const death: Death = { at: 1000, exitedAt: 1400, exit: 1 };
const failed = (findings: readonly Finding[]) => findings.filter(({ passed }) => !passed).map(({ name }) => name);

describe('promises on a dead disk', ({ it }) => {
  it('passes where who came before is answered late, who came after is refused, and the gateway ends with 1', () => {
    const answers = [answer(900, 50), answer(1100, 150), refused(1150, 100), answer(1600, 100)];
    assert.equal(failed(judgeDeaths(answers, [death], 2)), []);
  });

  it('finds a 2xx to a request that came after', () => {
    const [promised] = judgeDeaths([refused(1150, 100), answer(1200, 150)], [death], 2);
    assert.is(promised?.count, 1);
    assert.is(promised?.passed, false);
  });

  it('finds a gateway that says nothing, ends otherwise, or too late', () => {
    assert.equal(failed(judgeDeaths([], [death], 2)), ['TOLD']);
    assert.equal(failed(judgeDeaths([refused(1150, 100)], [{ ...death, exit: 'SIGKILL' }], 2)), ['EXITS']);
    assert.equal(failed(judgeDeaths([refused(1150, 100)], [{ ...death, exit: 0 }], 2)), ['EXITS']);
    assert.equal(failed(judgeDeaths([refused(1150, 100)], [{ ...death, exitedAt: 3100 }], 2)), ['TIME']);
  });
});

describe('an abort of LMDB', ({ it }) => {
  it('counts and is no failure', () => {
    const findings = judgeDeaths([refused(1150, 100)], [{ ...death, exit: 'SIGABRT' }], 2);
    assert.equal(failed(findings), []);
    assert.is(findings.find(({ name }) => name === 'ABORTED')?.count, 1);
  });
});

describe('promises on a slow disk', ({ it }) => {
  it('finds a 2xx that came sooner than its sync, while the disk is slow', () => {
    const early = answer(2100, 80);
    assert.equal(failed([judgeSyncs([answer(900, 5), answer(2400, 310)], 1000, 300)]), []);
    assert.equal(failed([judgeSyncs([answer(900, 5), answer(2400, 310), early], 1000, 300)]), ['EARLY']);
    assert.equal(failed([judgeSyncs([refused(2100, 80)], 1000, 300)]), []);
  });

  it('counts what was acknowledged in a time', () => {
    assert.is(ackedPerSecond([answer(900, 5), answer(1500, 5), refused(1600, 5), answer(3000, 5)], 1000, 3000), 10);
  });
});
