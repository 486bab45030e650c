import * as assert from 'uvu/assert';
import type { TailLine } from '../../../../schemas/admin-api/tail.ts';
import { createTail } from '../../../../server/operate/tail/tail.ts';
import { createWatchers } from '../../../../server/operate/tail/watchers.ts';
import { describe } from '../../../support/describe.ts';
import { until } from '../../../support/until.ts';

const line = (event_id: string): TailLine => ({
  kind: 'refused',
  at: '2026-06-01T12:00:00.000Z',
  shop: 'demo.myshopify.com',
  dialect: 'layers',
  event_id,
  code: 'invalid',
  reasons: [],
});
const idOf = (one: TailLine) => ('event_id' in one ? one.event_id : one.kind);

/** A watcher that takes more only when told to. */
function slowWatcher() {
  const taken: { ids: unknown[]; missed: number }[] = [];
  let release = () => {};
  return {
    taken,
    release: () => release(),
    watcher: (lines: readonly TailLine[], missed: number) => {
      taken.push({ ids: lines.map(idOf), missed });
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    },
  };
}

describe('watchers of the tail in other processes', ({ it }) => {
  it('cost nothing while there are none', () => {
    const watchers = createWatchers();
    assert.is(watchers.listening, false);
    watchers.watch(1, async () => {});
    assert.is(watchers.listening, true);
    watchers.unwatch(1);
    assert.is(watchers.listening, false);
  });

  it('are handed the lines in order, together what came while they were busy', async () => {
    const watchers = createWatchers();
    const { taken, release, watcher } = slowWatcher();
    watchers.watch(1, watcher);
    for (const id of ['a', 'b', 'c']) watchers.publish(line(id));
    assert.equal(taken, [{ ids: ['a'], missed: 0 }]);
    release();
    await until(() => taken.length === 2);
    assert.equal(taken[1], { ids: ['b', 'c'], missed: 0 });
  });

  it('miss lines rather than hold anything up, and are told how many', async () => {
    const watchers = createWatchers();
    const { taken, release, watcher } = slowWatcher();
    watchers.watch(1, watcher);
    for (let n = 0; n < 1501; n++) watchers.publish(line(String(n)));
    release();
    await until(() => taken.length === 2);
    assert.is(taken[1]?.ids.length, 1000);
    assert.is(taken[1]?.missed, 500);
  });

  it('that are gone are left alone, and the others go on', async () => {
    const watchers = createWatchers();
    const seen: unknown[] = [];
    let asked = 0;
    watchers.watch(1, async () => {
      asked += 1;
      throw new Error('gone');
    });
    watchers.watch(2, async (lines) => void seen.push(...lines.map(idOf)));
    for (const id of ['a', 'b']) {
      watchers.publish(line(id));
      await until(() => seen.includes(id));
    }
    assert.is(asked, 1);
  });
});

describe('a tail whose lines come from elsewhere', ({ it }) => {
  it('says how many readers it has, whenever that changes', () => {
    const counts: number[] = [];
    const tail = createTail({ onReaders: (count) => counts.push(count) });
    const [first, second] = [new AbortController(), new AbortController()];
    tail.lines({}, first.signal);
    tail.lines({}, second.signal);
    first.abort();
    second.abort();
    assert.equal(counts, [1, 2, 1, 0]);
  });

  it('tells every reader what was missed on the way, one that waits at once', async () => {
    const tail = createTail();
    const ending = new AbortController();
    const [waiting, other] = [tail.lines({}, ending.signal), tail.lines({}, ending.signal)].map((lines) =>
      lines[Symbol.asyncIterator](),
    );
    const next = waiting!.next();
    tail.missed(7);
    tail.publish(line('after'));
    assert.equal((await next).value, { kind: 'missed', lines: 7 });
    assert.equal((await other!.next()).value, { kind: 'missed', lines: 7 });
    assert.is(idOf((await other!.next()).value), 'after');
    ending.abort();
  });
});
