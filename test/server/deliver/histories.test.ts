import fc from 'fast-check';
import { openLmdb } from '../../../adapters/logs/lmdb/open.ts';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import { storeOptions } from '../../contracts/log.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { type Action, History, kindsOf, type Mood, type Place } from './histories.ts';

const SEED = 1;
const MOODS: readonly Mood[] = ['takes', 'fails', 'silent', 'chokes', 'refuses', 'holds'];
const kind = <K extends Action['kind']>(name: K) => ({ kind: fc.constant(name) });
const some = { from: fc.nat(3), count: fc.integer({ min: 1, max: 5 }) };

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ ...kind('events'), views: fc.nat(7), carts: fc.nat(3) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      ...kind('mood'),
      mood: fc.constantFrom(...MOODS),
    }),
  },
  { weight: 3, arbitrary: fc.record({ ...kind('seconds'), seconds: fc.integer({ min: 1, max: 20 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      ...kind('reload'),
      lanes: fc.constantFrom(1, 3),
      events: fc.constantFrom('"*"', 'product_view'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ ...kind('redrive'), ...some }) },
  { weight: 2, arbitrary: fc.record({ ...kind('discard'), ...some }) },
  { weight: 1, arbitrary: fc.record(kind('restart')) },
  { weight: 1, arbitrary: fc.record(kind('suspend')) },
  { weight: 1, arbitrary: fc.record(kind('resume')) },
);

async function play(place: Place, actions: readonly Action[]): Promise<void> {
  const history = await History.begin(place);
  try {
    for (const one of actions) await history.do(one);
    await history.judge();
  } finally {
    await history.end();
  }
}

const memory: Place = { durable: false, open: async () => openMemory({ ...storeOptions(), view: kindsOf }) };

async function playOnDisk(actions: readonly Action[]): Promise<void> {
  const folder = temporaryFolder();
  const open = () => openLmdb(folder.path, { ...storeOptions(), view: kindsOf });
  try {
    await play({ durable: true, open }, actions);
  } finally {
    folder.remove();
  }
}

const histories = fc.array(action, { minLength: 6, maxLength: 25, size: 'max' });

describe('whatever operators do, and however a receiver answers: nothing is lost, comes again, or comes after its discard', ({
  it,
}) => {
  it('in memory', () =>
    fc.assert(
      fc.asyncProperty(histories, (actions) => play(memory, actions)),
      { seed: SEED, numRuns: 16 },
    ));

  it('on the embedded log', () => fc.assert(fc.asyncProperty(histories, playOnDisk), { seed: SEED, numRuns: 8 }));
});
