import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { compare, type Seen } from './damage/compare.ts';
import type { Mark } from './events.ts';
import type { Received } from './judge.ts';

const mark = (id: string): Mark => ({ id, shop: 's', lane: 'l', n: 0, crc: id.length });
const marks = (...ids: string[]): Map<string, Mark> => new Map(ids.map((id) => [id, mark(id)]));
const came = (...ids: string[]): Received[] => ids.map((id) => ({ ...mark(id), destination: 'd' }));

const outcome = (changes: Partial<Seen>) =>
  compare({
    one: { kept: 0.5, told: false },
    name: 'it',
    sound: { marks: marks('a', 'b', 'c', 'd') },
    exits: 0,
    readyMs: 1,
    acked: marks('new'),
    arrived: came('a', 'b', 'c', 'd', 'new'),
    alarmed: false,
    exit: 0,
    ...changes,
  });

describe('the judge of damaged logs', ({ it }) => {
  it('has nothing against a log that lost nothing', () => {
    const { lost, silent, lacking, stranger, twice, newLost } = outcome({});
    assert.equal(
      { lost, silent, lacking, stranger, twice, newLost },
      {
        lost: 0,
        silent: false,
        lacking: undefined,
        stranger: [],
        twice: [],
        newLost: [],
      },
    );
  });

  it('finds a loss that nobody was told of', () => {
    const arrived = came('a', 'b', 'c', 'new');
    assert.is(outcome({ arrived }).silent, true);
    assert.is(outcome({ arrived, alarmed: true }).silent, false);
    assert.is(outcome({ one: { kept: 0, told: true } }).silent, true);
  });

  it('finds that too little was kept', () => {
    assert.is(outcome({ arrived: came('a', 'b', 'new') }).lacking, undefined);
    assert.is(outcome({ arrived: came('a', 'new') }).lacking, '1 of 4');
  });

  it('finds new events that are lost, and what is strange, changed or there twice', () => {
    assert.equal(outcome({ arrived: came('a', 'b', 'c', 'd') }).newLost, ['new: it']);
    assert.equal(outcome({ arrived: [...came('a', 'x'), { ...mark('b'), crc: 9, destination: 'd' }] }).stranger, [
      'x: it',
      'b: it',
    ]);
    assert.equal(outcome({ arrived: came('a', 'a') }).twice, ['a: it']);
  });

  it('takes a gateway that never started for one that kept nothing', () => {
    const { exits, lost, lacking } = compare({
      one: { kept: 0.5, told: true },
      name: 'it',
      sound: { marks: marks('a') },
      exits: 3,
      readyMs: 1,
    });
    assert.equal({ exits, lost, lacking }, { exits: 3, lost: 1, lacking: '0 of 1' });
  });
});
