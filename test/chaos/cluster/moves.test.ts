import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import type { Arrived } from '../audit.ts';
import { withinBudget } from './connections.ts';
import { type Gone, handovers, type Move, quarrels, takeovers, unexplained } from './moves.ts';

const move = (process: string, kind: Move['kind'], at: number, position = 0, more: Partial<Move> = {}): Move => ({
  pipeline: 'a/hook',
  process,
  kind,
  at,
  before: position,
  position,
  expired: true,
  ...more,
});
const saved = (process: string, at: number, before: number, position: number) =>
  move(process, 'saved', at, position, { before });

/** One worker is killed 2.5 s after the start and another takes over 6 s later, which in the end hands over to a third. */
const faultless = (): Move[] => [
  move('one', 'claimed', 0),
  saved('one', 1_000, 0, 10),
  saved('one', 2_000, 10, 20),
  move('two', 'claimed', 8_500, 20),
  saved('two', 8_600, 20, 20),
  saved('two', 8_700, 20, 30),
  move('two', 'released', 9_000, 30),
  move('three', 'claimed', 9_050, 30),
  saved('three', 9_200, 30, 40),
];
const gone: Gone[] = [{ process: 'one', at: 2_500 }];

const arrived = (id: string, at: number, destination = 'a/hook'): Arrived => ({
  id,
  at,
  destination,
  shop: 'a',
  lane: 'l',
  n: 0,
  crc: 0,
  delivery: { id: 'd', request: at },
});

describe('the judge of moves', ({ it }) => {
  it('has nothing to say of a faultless run', () => {
    const { passages, lapsed, stranded } = takeovers(faultless(), gone);
    assert.equal([quarrels(faultless()), lapsed, stranded], [[], [], []]);
    assert.equal(passages, [{ pipeline: 'a/hook', from: 'one', to: 'two', seconds: 6.2 }]);
    assert.equal(handovers(faultless()), [{ pipeline: 'a/hook', from: 'two', to: 'three', seconds: 0.05 }]);
  });

  it('catches a save, or a release, by another than the holder', () => {
    for (const planted of [
      saved('one', 8_650, 20, 25),
      move('one', 'released', 8_650, 20),
      saved('three', 8_650, 20, 25),
    ])
      assert.is(quarrels(faultless().toSpliced(5, 0, planted)).length > 0, true, JSON.stringify(planted));
  });

  it('catches a save after the release', () => {
    assert.equal(quarrels(faultless().toSpliced(7, 0, saved('two', 9_010, 30, 35))), [
      'a/hook: two saved it while nobody had it',
    ]);
  });

  it('catches a claim of what is held', () => {
    const planted = faultless();
    planted[3] = move('two', 'claimed', 8_500, 20, { expired: false });
    assert.equal(quarrels(planted), ['a/hook: two claimed it from one, whose lease held']);
  });

  it('catches a pipeline that goes back', () => {
    assert.equal(quarrels(faultless().toSpliced(6, 0, saved('two', 8_800, 30, 10))), [
      'a/hook: two took it back from 30 to 10',
    ]);
  });

  it('tells a holder that is gone from one that was only late', () => {
    assert.equal(takeovers(faultless(), []).lapsed, ['a/hook: two claimed it from one, which was there']);
  });

  it('catches a pipeline that stays with the dead', () => {
    assert.equal(takeovers(faultless().slice(0, 3), gone).stranded, ['a/hook stays with one, which is gone']);
  });

  it('waits for the first event that is finished, not only for the claim', () => {
    const none = faultless().filter(({ process, kind }) => process !== 'two' || kind !== 'saved');
    assert.is(takeovers(none, gone).passages[0]?.seconds, 6.7);
    const late = none.toSpliced(4, 0, saved('two', 8_990, 20, 30));
    assert.is(takeovers(late, gone).passages[0]?.seconds, 6.49);
  });

  it('explains a repeat by a claim between the two arrivals, of that pipeline, and by nothing else', () => {
    const received = [arrived('e', 2_400), arrived('e', 8_650)];
    assert.equal(unexplained(received, faultless()), { repeats: 1, wrong: [] });
    assert.is(unexplained([arrived('e', 1_100), arrived('e', 1_900)], faultless()).wrong.length, 1);
    const elsewhere = received.map((one) => ({ ...one, destination: 'b/hook' }));
    assert.is(unexplained(elsewhere, faultless()).wrong.length, 1);
  });

  it('counts the connections of all processes at the same moment', () => {
    const samples = [{ web: 8, worker: 4 }, { web: 8, worker: 12 }, { worker: 12 }];
    assert.equal(withinBudget(samples, 20).count, 20);
    assert.is(withinBudget(samples, 20).passed, true);
    assert.is(withinBudget([...samples, { web: 8, worker: 12, release: 1 }], 20).passed, false);
  });
});
