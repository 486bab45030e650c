import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import type { Answer } from '../answers.ts';
import type { Finding } from '../findings.ts';
import type { Entry } from '../ledger.ts';
import { ackedPerSecond, type Death, judgeDeaths, judgeSyncs, LEARN_MS, stillOpen } from './promises.ts';

const answer = (at: number, ms: number, more: Partial<Answer> = {}): Answer => ({
  ...{ kind: 'acked', lane: 'lane0', from: 0, count: 10, why: '201', at, ms },
  ...more,
});
const refused = (at: number, ms: number) => answer(at, ms, { kind: 'refused', why: '503' });
const fatal = (at: number) =>
  `mdb_page_spill error 5{"level":"fatal","time":"${new Date(at).toISOString()}","msg":"…"}\n`;
const death: Death = { at: 1000, exitedAt: 1400, exit: 1, printed: fatal(1200) };
const failed = (findings: readonly Finding[]) => findings.filter(({ passed }) => !passed).map(({ name }) => name);

describe('promises on a dead disk', ({ it }) => {
  it('passes where who came before is answered late, who came after is refused, and the gateway ends with 1', () => {
    const answers = [answer(900, 50), answer(1100, 150), refused(1150, 100), answer(1600, 100)];
    assert.equal(failed(judgeDeaths(answers, [death], 2)), []);
  });

  it('finds a 2xx to a request that came after', () => {
    const findings = judgeDeaths([refused(1150, 100), answer(1200, 150)], [death], 2);
    assert.equal(failed(findings), ['PROMISED']);
    assert.is(findings.find(({ name }) => name === 'PROMISED')?.count, 1);
  });

  it('allows it until the gateway knows, where syncs fail on some threads before others, and not for long', () => {
    const told = refused(1150, 10);
    const acked = (begun: number) => [told, answer(begun + 20, 20)];
    const syncs = { ...death, graceMs: LEARN_MS };
    assert.equal(failed(judgeDeaths(acked(1010), [death], 2)), ['PROMISED']);
    assert.equal(failed(judgeDeaths(acked(1010), [syncs], 2)), []);
    assert.equal(failed(judgeDeaths(acked(1010), [{ ...syncs, printed: fatal(1005) }], 2)), ['PROMISED']);
    assert.equal(failed(judgeDeaths(acked(1010 + LEARN_MS), [syncs], 2)), ['PROMISED']);
    assert.equal(failed(judgeDeaths(acked(1010 + LEARN_MS), [{ ...syncs, printed: '' }], 2)), ['MET', 'PROMISED']);
  });

  it('finds that nobody came after, so that nothing could be promised', () => {
    const early = [answer(900, 50), refused(1150, 200), answer(1300, 100, { kind: 'unknown', why: 'socket hang up' })];
    assert.equal(failed(judgeDeaths(early, [death], 2)), ['ASKED']);
  });

  it('finds one gateway that did not say why, whatever the others said', () => {
    const talkative = { ...death, printed: fatal(1100) + fatal(1200) + fatal(1300) };
    const silent = { ...death, at: 5000, exitedAt: 5400, printed: '{"level":"error","msg":"the log does not answer"}' };
    assert.equal(failed(judgeDeaths([refused(1150, 100)], [talkative, silent], 2)), ['MET']);
  });

  it('finds a gateway that says nothing, ends otherwise, or too late', () => {
    assert.equal(failed(judgeDeaths([], [death], 2)), ['ASKED', 'TOLD']);
    assert.equal(failed(judgeDeaths([refused(1150, 100)], [{ ...death, exit: 'SIGKILL' }], 2)), ['EXITS']);
    assert.equal(failed(judgeDeaths([refused(1150, 100)], [{ ...death, exit: 0 }], 2)), ['EXITS']);
    assert.equal(failed(judgeDeaths([refused(1150, 100)], [{ ...death, exitedAt: 3100 }], 2)), ['TIME']);
  });
});

describe('an abort of LMDB', ({ it }) => {
  it('counts and is no failure', () => {
    const printed = 'Write error: Input/output error position 40960, size 4096corrupted size vs. prev_size';
    const findings = judgeDeaths([refused(1150, 100)], [{ ...death, exit: 'SIGABRT', printed }], 2);
    assert.equal(failed(findings), []);
    assert.is(findings.find(({ name }) => name === 'ABORTED')?.count, 1);
  });

  it('is none where nothing was said of a write that failed, nor an excuse for whoever ends with a code', () => {
    const printed = 'corrupted size vs. prev_size';
    assert.equal(failed(judgeDeaths([refused(1150, 100)], [{ ...death, exit: 'SIGABRT', printed }], 2)), ['MET']);
    const written = 'Write error: Input/output error position 40960, size 4096';
    assert.equal(failed(judgeDeaths([refused(1150, 100)], [{ ...death, printed: written }], 2)), ['MET']);
  });
});

describe('requests left open', ({ it }) => {
  const sent = (lane: string, from: number): Entry => ({ kind: 'sent', shop: 's', lane, from, crcs: [1] });
  const told = (lane: string, from: number, kind: Answer['kind'] = 'refused'): Entry => ({
    ...{ kind, lane, from, count: 1, why: kind === 'refused' ? '503' : 'socket hang up' },
  });
  const before = [sent('a', 0), sent('b', 0), told('b', 0), sent('b', 0), sent('c', 0), told('c', 0)];

  it('are those that were open before and were not answered since', () => {
    const since = [told('b', 0), sent('b', 0), sent('c', 0)];
    assert.equal(stillOpen(before, [...before, ...since]), [sent('a', 0)]);
  });

  it('are none where every one was answered, or broke, even if its lane has sent the same again', () => {
    const since = [told('a', 0, 'unknown'), sent('a', 0), told('b', 0), sent('b', 0)];
    assert.equal(stillOpen(before, [...before, ...since]), []);
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
