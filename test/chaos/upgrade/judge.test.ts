import * as assert from 'uvu/assert';
import type { DeadView } from '../../../schemas/admin-api/dead-letters.ts';
import type { Receipt } from '../../../schemas/admin-api/receipts.ts';
import type { ReplayJob } from '../../../schemas/admin-api/replays.ts';
import { describe } from '../../support/describe.ts';
import { type Evidence, judge } from './judge.ts';

const shop = 'one.myshopify.com';

/** Four events, the third of which nobody acknowledged, and one that was refused at first. One pipeline wants every second one. */
function sound(): Evidence {
  const named = new Map([['bad-0', 1]]);
  const pipeline = { shop, dead: 0, filtered: {}, dropped: {}, pending: 0, difference: 0 };
  const job = { id: 'r1', shop, pipeline: 'hook', state: 'done', from: 1, to: 2, delivered: 2, dead: 0, filtered: 0 };
  const pipelines = ['hook', 'carts'].map((name) => ({ pipeline: name, state: 'delivered' }));
  return {
    sent: [{ shop, count: 4, acked: Uint8Array.from([1, 1, 0, 1]), refused: new Set(['bad-0']) }],
    taken: [
      { shop, pipeline: 'hook', wants: () => true, wantsNamed: true, times: Uint8Array.from([1, 1, 0, 1]), named },
      {
        shop,
        pipeline: 'carts',
        wants: (n) => n % 2 === 0,
        wantsNamed: false,
        times: Uint8Array.from([1, 0, 0, 0]),
        named: new Map(),
      },
    ],
    replayed: [
      {
        shop,
        pipeline: 'hook-r1',
        wants: () => true,
        times: Uint8Array.from([1, 1, 0, 0]),
        named: new Map(),
        job: job as unknown as ReplayJob,
      },
    ],
    again: { sent: 2, known: 2 },
    balance: {
      balanced: true,
      shops: [{ shop, received: 4, appended: 4, duplicate: 0, quarantined: { unknown_type: 0 }, difference: 0 }],
      pipelines: [
        { ...pipeline, pipeline: 'hook', appended: 4, delivered: 4 },
        { ...pipeline, pipeline: 'carts', appended: 4, delivered: 1 },
      ],
    },
    dead: [],
    quarantine: [],
    receipts: [{ event_id: 'u0', shop, pipelines } as unknown as Receipt],
    repeats: 1,
  };
}

const failures = (evidence: Evidence): string[] =>
  judge(evidence).flatMap(({ name, passed }) => (passed ? [] : [name]));

describe('a log of an earlier release, judged', ({ it }) => {
  it('finds nothing where all is well', () => assert.equal(failures(sound()), []));

  it('sees an event that is missing, also one that was refused at first, and not one that nobody acknowledged', () => {
    const [hook] = sound().taken;
    assert.ok(hook);
    for (const less of [{ times: Uint8Array.from([1, 0, 0, 1]) }, { named: new Map<string, number>() }])
      assert.ok(failures({ ...sound(), taken: [{ ...hook, ...less }] }).includes('LOST'));
  });

  it('sees more repeats than a kill explains', () => {
    const [hook] = sound().taken;
    assert.ok(hook);
    const times = (count: number) => ({
      ...sound(),
      receipts: [],
      taken: [{ ...hook, times: Uint8Array.from([count, 1, 0, 1]) }],
    });
    assert.equal(failures(times(2)), []);
    assert.equal(failures(times(3)), ['REPEATED']);
  });

  it('sees repeats that were taken for new, and what did not come back to life', () => {
    assert.equal(failures({ ...sound(), again: { sent: 2, known: 1 } }), ['KNOWN']);
    assert.equal(failures({ ...sound(), dead: [{ event: {}, reason: '' } as unknown as DeadView] }), ['DEAD']);
    assert.equal(failures({ ...sound(), quarantine: [{ reasons: [] } as never] }), ['QUARANTINE']);
  });

  it('sees a replay that stands still, or counts what did not come', () => {
    const [replay] = sound().replayed;
    assert.ok(replay);
    for (const wrong of [{ state: 'running' }, { to: 3 }, { delivered: 1, filtered: 1 }])
      assert.equal(
        failures({ ...sound(), replayed: [{ ...replay, job: { ...replay.job, ...wrong } as ReplayJob }] }),
        ['REPLAYS'],
        JSON.stringify(wrong),
      );
  });

  it('sees books and receipts that are wrong', () => {
    const { balance, receipts } = sound();
    assert.equal(failures({ ...sound(), balance: { ...balance, balanced: false } }), ['BALANCE']);
    const shops = balance.shops.map((one) => ({ ...one, quarantined: { unknown_type: 1 } }));
    assert.equal(failures({ ...sound(), balance: { ...balance, shops } }), ['BALANCE']);
    const pipelines = [{ pipeline: 'hook', state: 'filtered', reason: 'type' }] as const;
    const [receipt] = receipts;
    assert.ok(receipt);
    assert.equal(failures({ ...sound(), receipts: [{ ...receipt, pipelines }] }), ['RECEIPTS']);
  });
});
