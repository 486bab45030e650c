import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import type { Seen } from '../raw.ts';
import { type ApartJudge, apartJudge } from './judge.ts';
import { domainOf, type Mixed, mixedRequests } from './plan.ts';

const request = (shop: number, status: number, ids: readonly string[]): Mixed => ({
  bytes: Buffer.from(`POST of ${shop}`),
  shop,
  status,
  ids,
});
const answer = (status: number, accepted = 0, body = ''): Seen => ({
  kind: 'answered',
  status,
  head: `X-Events-Accepted: ${accepted}\r\nX-Events-Duplicate: 0`,
  body,
  surplus: 0,
});
const lies = (judge: ApartJudge, id: string, shop: number, sentBy = shop) =>
  judge.arrived({ event_id: id, shop: domainOf(shop), query: String(sentBy) }, domainOf(shop));

/** What fails beside the figures, after two shops have sent the same id and one of them was refused something. */
function failed(more: (judge: ApartJudge) => void): string[] {
  const judge = apartJudge();
  for (const shop of [1, 2]) {
    judge.saw(request(shop, 201, ['a']), answer(201, 1));
    lies(judge, 'a', shop);
  }
  judge.saw(request(1, 403, ['no']), answer(403));
  more(judge);
  judge.endRound();
  return judge
    .findings({ received: 2, appended: 2, duplicate: 0, quarantined: 0 })
    .filter(({ name, passed }) => !passed && name !== 'MET')
    .map(({ name }) => name);
}

describe('the judge of shops that are kept apart', ({ it }) => {
  it('is content where the same id lies at each shop that sent it', () =>
    assert.equal(
      failed(() => {}),
      [],
    ));

  it('finds events at another shop, and those of which their token says another', () => {
    assert.equal(
      failed((judge) => judge.arrived({ event_id: 'a', shop: domainOf(1) }, domainOf(3))),
      ['CROSSED', 'REFUSED', 'ACCEPTED'],
    );
    const stolen = (judge: ApartJudge) => {
      judge.saw(request(1, 201, ['b']), answer(201, 1));
      lies(judge, 'b', 1, 2);
    };
    assert.ok(failed(stolen).includes('CROSSED'));
  });

  it('finds what another shop’s id made a duplicate', () => {
    const suppressed = (judge: ApartJudge) => judge.saw(request(3, 201, ['a']), answer(201));
    assert.equal(failed(suppressed), ['SUPPRESSED']);
  });

  it('finds what was refused and lies there all the same, and what lies there twice', () => {
    assert.equal(
      failed((judge) => lies(judge, 'no', 1)),
      ['REFUSED', 'ACCEPTED'],
    );
    assert.equal(
      failed((judge) => lies(judge, 'a', 1)),
      ['TWICE', 'ACCEPTED'],
    );
  });

  it('finds answers that the contract does not give, and shops that a refusal names', () => {
    assert.equal(failed((judge) => judge.saw(request(1, 403, ['x']), answer(200))).at(0), 'SUPPRESSED');
    assert.ok(failed((judge) => judge.saw(request(1, 403, ['x']), answer(200))).includes('WRONG'));
    assert.equal(
      failed((judge) => judge.saw(request(1, 403, ['x']), answer(403, 0, 'not shop-7'))),
      ['WRONG'],
    );
    assert.equal(
      failed((judge) => judge.saw(request(1, 403, ['x']), { kind: 'closed' })),
      ['WRONG'],
    );
  });

  it('is given requests of every kind, the same for the same seed', () => {
    const plan = { shops: 5, ids: 10, round: 'r' };
    const some = (seed: number) => {
      const requests = mixedRequests(seed, plan);
      return Array.from({ length: 2_000 }, () => requests.next().value as Mixed);
    };
    assert.equal(some(1), some(1));
    assert.equal([...new Set(some(1).map(({ status }) => status))].sort(), [200, 201, 400, 401, 403]);
  });
});
