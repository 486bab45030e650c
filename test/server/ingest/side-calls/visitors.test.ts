import * as assert from 'uvu/assert';
import { openLmdb } from '../../../../adapters/logs/lmdb/open.ts';
import type { EventLog, Stored } from '../../../../adapters/logs/log.ts';
import { createVisitors } from '../../../../server/ingest/side-calls/visitors.ts';
import { storeOptions } from '../../../contracts/log.ts';
import { describe } from '../../../support/describe.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { SHOP } from '../../../support/gateway.ts';
import { eventOf } from '../../../support/operations.ts';
import { leastStallOf } from '../../../support/stall.ts';

/** A log of this many views of one visitor, which counts how it is asked. */
function countingLog(events: number) {
  const asked: number[] = [];
  const log: Pick<EventLog, 'extent' | 'read'> & { newest: number } = {
    newest: events,
    extent: async () => ({ oldest: 1, newest: log.newest }),
    read: async (_shop, after, limit, signal) => {
      assert.ok(signal.aborted, 'it must not wait');
      asked.push(limit);
      const last = Math.min(log.newest, after + limit);
      return Array.from({ length: Math.max(0, last - after) }, (_, i): Stored => {
        const position = after + i + 1;
        return { position, event: eventOf({ user_id: `u${position}`, product_id: String(position) }), bytes: 500 };
      });
    },
  };
  return { log, asked };
}

describe('what is known of visitors', ({ it }) => {
  it('comes from the last 2,000 events, in pieces, and once for all who ask', async () => {
    const { log, asked } = countingLog(10_000);
    let now = 0;
    const visitors = createVisitors(log, () => now);
    const known = await Promise.all(['u8000', 'u8001', 'u10000'].map((user_id) => visitors.of(SHOP, { user_id })));
    assert.equal(
      known.map(({ browsed }) => browsed),
      [[], ['8001'], ['10000']],
    );
    assert.is(asked.length, 80);
    assert.ok(asked.every((limit) => limit === 25));

    log.newest += 10;
    assert.equal((await visitors.of(SHOP, { user_id: 'u10010' })).browsed, [], 'it is a moment old');
    assert.is(asked.length, 80);
    now += 1_000;
    assert.equal((await visitors.of(SHOP, { user_id: 'u10010' })).browsed, ['10010']);
    assert.is(asked.length, 81, 'only what is new is read');
  });

  it('is not asked for where the client gives no id, or one that is too long', async () => {
    const { log, asked } = countingLog(100);
    const visitors = createVisitors(log, () => 0);
    assert.equal(await visitors.of(SHOP, {}), { browsed: [], cart: [], purchased: [] });
    await visitors.of(SHOP, { user_id: 'x'.repeat(201) });
    assert.equal(asked, []);
  });

  it('ends where the rest of the log cannot be read', async () => {
    const visitors = createVisitors({ extent: async () => ({ oldest: 1, newest: 9 }), read: async () => [] }, () => 0);
    assert.equal((await visitors.of(SHOP, { user_id: 'u' })).browsed, []);
  });

  it('keeps the last 20 products', async () => {
    const views = Array.from({ length: 30 }, (_, i): Stored => {
      return { position: i + 1, event: eventOf({ user_id: 'u', product_id: String(i) }), bytes: 500 };
    });
    const read = async (_: string, after: number, limit: number) => views.slice(after, after + limit);
    const visitors = createVisitors({ extent: async () => ({ oldest: 1, newest: 30 }), read }, () => 0);
    const { browsed } = await visitors.of(SHOP, { user_id: 'u' });
    assert.equal([browsed.length, browsed[0], browsed.at(-1)], [20, '29', '10']);
  });

  it('is found without holding anyone up for 50 ms, also where every event lies in a body of 250 KB', async () => {
    const folder = temporaryFolder();
    const { log, close } = await openLmdb(folder.path, storeOptions());
    // As many refused ones around it as a body holds: all of them are parsed to come to the one that is stored.
    const filler = { padding: Array.from({ length: 100 }, () => ({ a: [1, 2, 3], b: 'x'.repeat(2_400) })) };
    for (let i = 0; i < 75; i += 1) {
      const event = { event_id: `e${i}`, event_type: 'product_view', timestamp: 1780315150250, session_id: 's' };
      const body = JSON.stringify({ events: [{ ...event, product_id: 7, contextual_data: {} }, filler] });
      assert.ok(body.length > 240_000);
      const context = { shop: SHOP, receivedAt: 1780315150250, trust: 'public', channel: 'web' } as const;
      const events = [{ index: 0, id: `e${i}` }];
      await log.append({ dialect: 'layers', context, body: Buffer.from(body), events, refused: [] });
    }
    const stall = await leastStallOf(() => createVisitors(log, () => 0).of(SHOP, { user_id: 'u' }));
    await close();
    folder.remove();
    assert.ok(stall < 50, `${stall.toFixed(0)} ms`);
  });
});
