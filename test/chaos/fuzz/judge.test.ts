import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import type { Seen } from '../raw.ts';
import { type FuzzJudge, fuzzJudge } from './judge.ts';
import { type FuzzRequest, fuzzRequest } from './request.ts';
import { underWay } from './suspects.ts';

const whole: FuzzRequest = { n: 7, pieces: [], whole: true, end: false, shop: 'a', most: 100 };
const broken: FuzzRequest = { ...whole, n: 8, whole: false, end: true, most: 2 };
const answer = (status: number, accepted: readonly string[] = [], surplus = 0): Seen => ({
  kind: 'answered',
  status,
  head: `HTTP/1.1 ${status} X\r\nX-Events-Accepted: ${accepted.length}\r\nX-Events-Rejected: 0\r\nX-Events-Duplicate: 0`,
  body: JSON.stringify({ events: accepted.map((event_id) => ({ event_id, verdict: 'accepted' })) }),
  surplus,
});
const one = { received: 1, appended: 1, duplicate: 0, quarantined: 0 };
const failed = (judge: FuzzJudge, counted = one) =>
  judge
    .findings(counted)
    .filter(({ passed }) => !passed)
    .map(({ name }) => name);

/** A judge that has seen one event come in and arrive. */
function content(more: (judge: FuzzJudge) => void = () => {}): FuzzJudge {
  const judge = fuzzJudge();
  judge.saw(whole, answer(201, ['a']));
  judge.arrived('a', 'one');
  more(judge);
  judge.endRound();
  return judge;
}

describe('the judge of what clients send', ({ it }) => {
  it('is content where every answer came true', () => {
    assert.equal(failed(content()), []);
    assert.equal(failed(content((judge) => judge.saw(broken, { kind: 'closed' }))), []);
  });

  it('finds each fault, with the number of its request', () => {
    const faults: readonly (readonly [string, FuzzRequest, Seen])[] = [
      ['FAULT', whole, answer(500)],
      ['FAULT', broken, answer(503)],
      ['UNANSWERED', whole, { kind: 'closed' }],
      ['SILENT', broken, { kind: 'silent' }],
      ['SPLIT', whole, answer(400, [], 12)],
    ];
    for (const [name, request, seen] of faults) {
      const findings = content((judge) => judge.saw(request, seen)).findings(one);
      const found = findings.find((finding) => finding.name === name);
      assert.not(found?.passed, name);
      assert.match(String(found?.examples), `request ${request.n}`);
    }
  });

  it('finds what was promised and is nowhere, what is there twice, and what nobody was told of', () => {
    const lost = content((judge) => judge.saw(whole, answer(201, ['b'])));
    assert.equal(failed(lost, { ...one, received: 2, appended: 2 }), ['LOST', 'ARCHIVED']);
    assert.equal(failed(content((judge) => judge.arrived('a', 'one'))), ['TWICE', 'ARCHIVED']);
    // The same id in another shop is another event.
    const other = content((judge) => {
      judge.saw(whole, answer(201, ['a']));
      judge.arrived('a', 'two');
    });
    assert.equal(failed(other, { ...one, received: 2, appended: 2 }), []);
    assert.equal(failed(content(), { ...one, received: 2 }), ['BOOKS']);
    assert.equal(failed(content(), { received: 4, appended: 1, duplicate: 3, quarantined: 0 }), ['DUPLICATE']);
  });

  it('knows which requests were under way in a stall', () => {
    const recent = [
      [1, 0, 100],
      [2, 150, 400],
      [3, 380, 500],
    ] as const;
    assert.equal(underWay(recent, { at: 390, ms: 200 }), [2, 3]);
  });

  it('gives the same request for the same number, and ids of their own to repetitions', () => {
    for (let n = 0; n < 200; n += 1) assert.equal(fuzzRequest(3, n), fuzzRequest(3, n));
    const text = (n: number, again?: string) => Buffer.concat(fuzzRequest(3, n, again).pieces).toString('latin1');
    const differing = Array.from({ length: 200 }, (_, n) => text(n) !== text(n, 'x')).filter(Boolean);
    assert.ok(differing.length > 100);
  });
});
