import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { plant, recognise } from './events.ts';
import { type Evidence, judge, type Received } from './judge.ts';
import { type Entry, ledgerOf } from './ledger.ts';

const routes = [
  { destination: 'a/hook', shop: 'a' },
  { destination: 'a/archive', shop: 'a' },
  { destination: 'b/hook', shop: 'b' },
];

/** Two lanes of three events each, all acknowledged, each arrived once wherever it belongs. */
function faultless(): Evidence & { received: Received[] } {
  const marks = ['a', 'b'].flatMap((shop) => [0, 1, 2].map((n) => plant('r', shop, `lane-${shop}`, n, 'x').mark));
  return {
    routes,
    sent: new Map(marks.map((mark) => [mark.id, mark])),
    acked: new Set(marks.map(({ id }) => id)),
    refused: new Set(),
    received: routes.flatMap(({ destination, shop }) =>
      marks
        .filter((mark) => mark.shop === shop)
        .map((mark) => ({ ...mark, destination, delivery: { id: `first ${destination}`, request: 1 } })),
    ),
    unreadable: [],
    allowedDuplicates: 0,
  };
}

const failed = (evidence: Evidence): string[] =>
  judge(evidence)
    .findings.filter(({ passed }) => !passed)
    .map(({ name }) => name);

const at = (evidence: { received: Received[] }, index: number): Received => evidence.received[index] as Received;

/** The same once more, in a later request of the same name. */
const again = (evidence: { received: Received[] }, index: number): Received => {
  const one = at(evidence, index);
  return { ...one, delivery: { id: one.delivery?.id ?? '', request: 2 } };
};

describe('judge', ({ it }) => {
  it('passes a run in which everything arrived once, whole, in order, where it belongs', () => {
    const verdict = judge(faultless());
    assert.is(verdict.passed, true);
    assert.equal([verdict.sent, verdict.acked, verdict.received], [6, 6, 9]);
  });

  it('catches an acknowledged event that one of its destinations never got', () => {
    const evidence = faultless();
    evidence.received.splice(4, 1);
    assert.equal(failed(evidence), ['LOST']);
    assert.equal(judge(evidence).findings[0]?.examples, ['r-lane-a-1 at a/archive']);
  });

  it('catches a destination that got nothing at all', () => {
    const evidence = faultless();
    assert.equal(failed({ ...evidence, received: evidence.received.slice(0, 6) }), ['LOST']);
  });

  it('lets an event be missing that was never acknowledged, or that is excused', () => {
    const evidence = faultless();
    evidence.received.splice(2, 1);
    const acked = new Set([...evidence.acked].filter((id) => id !== 'r-lane-a-2'));
    assert.equal(failed({ ...evidence, acked }), []);
    assert.equal(
      failed({ ...evidence, excused: (destination, id) => `${destination} ${id}` === 'a/hook r-lane-a-2' }),
      [],
    );
  });

  it('catches an event that nobody sent', () => {
    const evidence = faultless();
    evidence.received.push({ ...at(evidence, 0), id: 'r-lane-a-99', n: 99 });
    assert.equal(failed(evidence), ['PHANTOM']);
  });

  it('lets an end of a gateway explain the repeats that come after it, and no more than its share', () => {
    const evidence = faultless();
    const [one, two] = [0, 1].map((index) => ({ ...at(evidence, index), at: 5_000 }));
    const later = [0, 1].map((index) => ({ ...again(evidence, index), at: 9_000 }));
    const received = [one, two, ...evidence.received.slice(2), ...later] as Received[];
    const judged = (ends: NonNullable<Evidence['ends']>) =>
      failed({ ...evidence, received, allowedDuplicates: 2, ends });
    assert.equal(judged({ at: [7_000], most: 2 }), []);
    assert.equal(judged({ at: [7_000], most: 1 }), ['UNEXPLAINED']);
    assert.equal(judged({ at: [2_000, 9_500], most: 2 }), ['UNEXPLAINED']);
    assert.equal(judged({ at: [], most: 2 }), ['UNEXPLAINED']);
  });

  it("catches an event at another shop's destination", () => {
    const evidence = faultless();
    evidence.received.push({ ...at(evidence, 0), destination: 'b/hook' });
    assert.equal(failed(evidence), ['CROSSED']);
  });

  it('catches an event that names another shop at its own destination', () => {
    const evidence = faultless();
    evidence.received[0] = { ...at(evidence, 0), shop: 'b' };
    assert.equal(failed(evidence), ['CROSSED']);
  });

  it('catches an event whose content changed on the way', () => {
    const evidence = faultless();
    evidence.received[0] = { ...at(evidence, 0), crc: at(evidence, 0).crc ^ 1 };
    assert.equal(failed(evidence), ['CORRUPT']);
  });

  it('catches something that is no event', () => {
    assert.equal(failed({ ...faultless(), unreadable: ['a/archive: {"event_id":"r-la'] }), ['CORRUPT']);
  });

  it('catches an event that was refused and arrived all the same', () => {
    const evidence = faultless();
    const acked = new Set([...evidence.acked].filter((id) => id !== 'r-lane-b-0'));
    assert.equal(failed({ ...evidence, acked, refused: new Set(['r-lane-b-0']) }), ['REFUSED']);
  });

  it('catches an event that came after a later one of its lane', () => {
    const evidence = faultless();
    const [first, second] = [at(evidence, 0), at(evidence, 1)];
    evidence.received.splice(0, 2, second, first);
    assert.equal(failed(evidence), ['ORDER']);
  });

  it('does not take a repeat for a breach of order, nor two lanes for one', () => {
    const evidence = faultless();
    evidence.received.push(again(evidence, 0));
    const names = failed({ ...evidence, allowedDuplicates: 1 });
    assert.equal(names, []);
  });

  it('catches a repeat that no fault explains, per destination', () => {
    const evidence = faultless();
    evidence.received.push(again(evidence, 0), again(evidence, 1), again(evidence, 6));
    assert.equal(failed({ ...evidence, allowedDuplicates: 1 }), ['DUPLICATE']);
    assert.equal(failed({ ...evidence, allowedDuplicates: 2 }), []);
  });

  it('catches a repeat under another webhook-id, which the receiver cannot know for one', () => {
    const evidence = faultless();
    evidence.received.push({ ...at(evidence, 0), delivery: { id: 'second', request: 2 } });
    assert.equal(failed({ ...evidence, allowedDuplicates: 1 }), ['RENAMED']);
  });

  it('catches a webhook-id that meant other events before, also those of another shop', () => {
    const evidence = faultless();
    const index = evidence.received.findIndex(({ destination }) => destination === 'b/hook');
    evidence.received[index] = { ...at(evidence, index), delivery: { id: 'first a/hook', request: 2 } };
    assert.equal(failed(evidence), ['SHADOWED']);
  });
});

describe('evidence', ({ it }) => {
  it('keeps an id refused only if it was never acknowledged and the refusal was not 503', () => {
    const one = (kind: 'acked' | 'refused' | 'unknown', from: number, why: string): Entry => ({
      kind,
      lane: 'l',
      from,
      count: 1,
      why,
    });
    const ledger = ledgerOf('r', [
      { kind: 'sent', shop: 'a', lane: 'l', from: 0, crcs: [1, 2, 3, 4] },
      one('refused', 0, '422'),
      one('refused', 1, '422'),
      one('acked', 1, '201'),
      one('refused', 2, '503'),
      one('unknown', 3, 'socket hang up'),
    ]);
    assert.equal([...ledger.acked], ['r-l-1']);
    assert.equal([...ledger.refused], ['r-l-0']);
    assert.is(ledger.unknown, 2);
    assert.equal(ledger.sent.get('r-l-2'), { id: 'r-l-2', shop: 'a', lane: 'l', n: 2, crc: 3 });
  });

  it('recognises a planted event after it went through the model, and sees any change to it', () => {
    const { event, mark } = plant('r', 'a', 'lane', 7, 'päyload');
    const arrived = { ...event, shop: 'a', product_id: '7982300000007', geo_country: 'DE' };
    assert.equal(recognise(arrived), mark);
    for (const change of [{ shop: 'b' }, { session_id: 'other' }, { product_id: '1' }, { event_type: 'search' }]) {
      assert.is.not(recognise({ ...arrived, ...change }).crc, mark.crc, JSON.stringify(change));
    }
    const torn = { ...arrived, contextual_data: { n: 7, payload: 'p\ufffdyload' } };
    assert.is.not(recognise(torn).crc, mark.crc);
  });
});
