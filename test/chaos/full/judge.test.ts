import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { judgeProbes } from './judge.ts';
import type { Gap } from './keeper.ts';
import type { Probed } from './probe.ts';

const answered = (status: number, retryAfter?: string): Probed => ({
  ...{ at: 1000, ms: 5, type: 'add_to_cart', status, retryAfter },
});
const without = (kind: 'unreached' | 'broken', at: number, ms: number): Probed => ({
  ...{ at, ms, type: 'add_to_cart', status: 0, retryAfter: undefined, unanswered: { kind, why: 'because' } },
});
const gap: Gap = { endedAt: 5000, overAt: 8000 };
const failed = (seen: readonly Probed[], gaps: readonly Gap[] = [gap]): string[] =>
  judgeProbes(seen, gaps)
    .filter(({ passed }) => !passed)
    .map(({ name }) => name);

describe('judge of probes', ({ it }) => {
  it('passes 2xx and 503 that say when to come again, and finds any other answer', () => {
    assert.equal(failed([answered(201), answered(503, '5')]), []);
    for (const other of [answered(503), answered(500), answered(401), answered(0)])
      assert.equal(failed([other]), ['ANSWERS'], JSON.stringify(other));
  });

  it('passes connections that are refused from the end of a gateway until the next is ready', () => {
    assert.equal(
      failed([without('unreached', 4980, 1), without('unreached', 6000, 1), without('unreached', 7999, 1)]),
      [],
    );
  });

  it('finds connections that are refused at any other time', () => {
    for (const at of [3000, 8001]) assert.equal(failed([without('unreached', at, 1)]), ['UNANSWERED'], `${at}`);
    assert.equal(failed([without('unreached', 6000, 1)], []), ['UNANSWERED']);
  });

  it('passes what broke as the gateway ended', () => {
    assert.equal(failed([without('broken', 4000, 990), without('broken', 4990, 20)]), []);
  });

  it('finds what was accepted and broke, or stayed silent, while a gateway was there, or was starting', () => {
    for (const [at, ms] of [
      [3000, 5],
      [6500, 5],
      [9000, 5],
    ] as const)
      assert.equal(failed([without('broken', at, ms)]), ['UNANSWERED'], `${at}`);
    // Sent before the end, and given up long after it.
    assert.equal(failed([without('broken', 4000, 10_000)]), ['UNANSWERED']);
    assert.equal(failed([without('broken', 4990, 20)], []), ['UNANSWERED']);
  });

  it('counts what a start breaks as it closes its port, and finds what it breaks while the port stays open', () => {
    const broken = without('broken', 6500, 5);
    const findings = judgeProbes([broken, without('unreached', 6560, 1)], [gap]);
    assert.ok(findings.every(({ passed }) => passed));
    assert.is(findings.find(({ name }) => name === 'DROPPED')?.count, 1);
    assert.equal(failed([broken, { ...answered(503, '5'), at: 6560 }]), ['UNANSWERED']);
    assert.equal(failed([without('broken', 3000, 5), without('unreached', 6560, 1)]), ['UNANSWERED']);
  });
});
