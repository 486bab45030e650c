import * as assert from 'uvu/assert';
import type { View } from '../../../adapters/dialects/dialect.ts';
import { UnknownDialect } from '../../../adapters/dialects/dialect.ts';
import { openLmdb } from '../../../adapters/logs/lmdb/open.ts';
import type { Progress } from '../../../adapters/logs/state/progress.ts';
import type { PipelineId } from '../../../adapters/logs/state/shared.ts';
import type { Store } from '../../../adapters/logs/store.ts';
import { readOver } from '../../../server/base/unreadable.ts';
import { deliver } from '../../../server/deliver/deliver.ts';
import { storedReceipt } from '../../../server/operate/receipts.ts';
import { never, record, SHOP, storeOptions, view } from '../../contracts/log.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

const ID = { shop: SHOP, pipeline: 'p' };

describe('events that this version cannot read', ({ it, beforeEach, afterEach }) => {
  let folder = temporaryFolder();
  let store: Store;
  let knows = false;
  const changing: View = (dialect, ...rest) => {
    if (dialect === 'later' && !knows) throw new UnknownDialect(dialect, ['test']);
    if (dialect === 'broken' && !knows) throw new TypeError('cannot read anna@example.com');
    return view(dialect, ...rest);
  };
  beforeEach(async () => {
    folder = temporaryFolder();
    knows = false;
    store = await openLmdb(folder.path, storeOptions({ view: changing }));
    await store.state.cursors.begin(ID, 0);
  });
  afterEach(async () => {
    await store.close();
    folder.remove();
  });

  const append = async (ids: readonly string[], dialect = 'test') => {
    await store.log.append({ ...record(ids), dialect });
  };
  /** Runs the pipeline until it is suspended or has come to a position; gives what it sent. */
  const run = async (
    to: number,
    id: PipelineId = ID,
    lanes = 1,
  ): Promise<{ sent: string[]; progress: Progress; missing: unknown[] }> => {
    const [sent, missing]: [string[], unknown[]] = [[], []];
    const stop = new AbortController();
    const cursor = await store.state.cursors.claim(id, never);
    const clock = new TestClock();
    const ended = deliver(
      {
        ...id,
        id,
        log: store.log,
        state: store.state,
        cursor,
        route: () => undefined,
        senders: Array.from({ length: lanes }, () => ({
          send: async ({ events }) => {
            sent.push(...events.map(({ event }) => event.event_id));
            return events.map(() => ({ kind: 'delivered' as const, status: 'HTTP 200' }));
          },
        })),
        maxBatch: 3,
        clock,
        random: () => 0,
        onMissing: (...some) => missing.push(some),
        onSuspended: () => {},
        onAttempt: () => {},
      },
      stop.signal,
    );
    const progress = async () => (await store.state.cursors.progress(id)) as Progress;
    await until(async () => (await progress()).suspended || (await progress()).position >= to);
    stop.abort();
    await ended;
    await cursor.release();
    return { sent, progress: await progress(), missing };
  };

  it('suspend the pipeline that comes to them, with the reason and what to do, after all before them was delivered', async () => {
    await append(['a', 'b']);
    await append(['x', 'y'], 'later');
    await append(['c']);
    for (const lanes of [1, 3]) {
      const id = { ...ID, pipeline: `p${lanes}` };
      await store.state.cursors.begin(id, 0);
      const { sent, progress } = await run(5, id, lanes);
      assert.equal(sent, ['a', 'b']);
      assert.equal([progress.position, progress.delivered, progress.dropped], [2, 2, {}]);
      assert.match(
        progress.suspended?.reason ?? '',
        /^the events 3 to 4 of the log cannot be read by this version: a stored body speaks the dialect "later", and this version knows test\. Deploy the version that stored them and resume/,
      );
      // Nothing is sent, and nothing moves, until somebody resumes it.
      assert.equal((await run(5, id, lanes)).sent, []);
    }
  });

  it('are delivered after a resume by a version that can read them', async () => {
    await append(['a']);
    await append(['x', 'y'], 'later');
    await append(['c']);
    await run(4);
    knows = true;
    await store.state.cursors.resume(ID);
    const { sent, progress } = await run(4);
    assert.equal(sent, ['x', 'y', 'c']);
    assert.equal([progress.delivered, progress.dropped], [4, {}]);
  });

  it('are left out and counted after a resume by one that cannot, all that were there; later ones suspend it again', async () => {
    for (let n = 0; n < 5; n++) {
      await append([`a${n}`]);
      await append([`x${n}`, `y${n}`], n % 2 === 0 ? 'later' : 'broken');
    }
    const first = await run(15);
    assert.is(first.progress.position, 1);
    await append(['b']);
    await store.state.cursors.resume(ID);
    const { sent, progress, missing } = await run(16);
    assert.equal(sent, ['a1', 'a2', 'a3', 'a4', 'b']);
    assert.equal([progress.position, progress.delivered, progress.dropped], [16, 6, { unreadable: 10 }]);
    assert.equal(
      missing,
      Array.from({ length: 5 }, () => [2, 'unreadable']),
    );
    await append(['z'], 'later');
    assert.match((await run(17)).progress.suspended?.reason ?? '', /^event 17 of the log cannot be read/);
  });

  it('say nothing of what is in them', async () => {
    await append(['x'], 'broken');
    const { progress } = await run(1);
    assert.match(
      progress.suspended?.reason ?? '',
      /a form that this version cannot read in the dialect "broken" \(TypeError\)/,
    );
    assert.not.match(JSON.stringify(progress), /anna/);
  });

  it('have receipts that say where they are and why nothing more is known', async () => {
    await append(['a']);
    await append(['x', 'y'], 'later');
    const receipt = await storedReceipt(store, SHOP, 'y', [], 0);
    assert.equal([receipt?.state, receipt?.position, receipt?.dialect], ['stored', 3, 'later']);
    assert.match(receipt?.reasons?.[0] ?? '', /^event 3 of the log cannot be read by this version/);
    assert.is((await storedReceipt(store, SHOP, 'a', [], 0))?.position, 1);
    assert.is(await storedReceipt(store, SHOP, 'z', [], 0), undefined);
  });

  it('are passed over and counted by whoever only looks, and trimmed as others are', async () => {
    await append(['a']);
    await append(['x', 'y'], 'later');
    await append(['c']);
    const pieces = [];
    for (let after = 0; after < 4; ) {
      const { stored, last = 4, unreadable } = await readOver(store.log, SHOP, after, 10, AbortSignal.abort());
      pieces.push([stored.map(({ event }) => event.event_id).join(), unreadable]);
      after = last;
    }
    assert.equal(pieces, [
      ['a', 0],
      ['', 2],
      ['c', 0],
    ]);
    await store.log.trim({ before: new Date(Date.now() + 1e9), passed: () => 3, maxBytes: 1e9 });
    assert.equal(await store.log.extent(SHOP), { oldest: 4, newest: 4 });
  });
});
