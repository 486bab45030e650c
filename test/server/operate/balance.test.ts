import * as assert from 'uvu/assert';
import { balanceOf } from '../../../server/operate/balance.ts';
import { createMetrics, type MetricsSources } from '../../../server/operate/metrics.ts';
import { describe } from '../../support/describe.ts';

const SHOP = 'demo.myshopify.com';

/** The books of a shop whose quarantined events were counted out twice: the sum is right, and no count of it is. */
const twice = { received: 0, appended: 120, duplicate: 0, quarantined: { unknown_type: -60, invalid: -60 } };

const balance = (tally: typeof twice) => balanceOf({ tallies: async () => [tally] } as never, [SHOP], []);

describe('counts below nothing', ({ it }) => {
  it('are no balance, also where the sum is right', async () => {
    const wrong = await balance(twice);
    assert.is(wrong.shops[0]?.difference, 0);
    assert.is(wrong.balanced, false);
    assert.ok((await balance({ ...twice, appended: 0, quarantined: { unknown_type: 0, invalid: 0 } })).balanced);
  });

  it('leave the page of metrics as it is, with what the quarantine holds', async () => {
    const wrong = await balance(twice);
    const sums = { kept: 2, bytes: 512, dropped: { count: 3, bytes: 0, age: 1 } };
    const progress = { delivered: 0, dead: 5, filtered: {}, dropped: {} };
    const running = [{ id: { shop: SHOP, pipeline: 'p' }, progress, pending: 0, state: 'idle' }];
    const letGo = [{ count: 4, age: 0 }];
    const { render } = createMetrics({
      overview: async () => ({ statuses: running, letGo, balance: wrong, quarantine: new Map([[SHOP, sums]]) }),
      disk: { room: () => undefined },
      damage: () => undefined,
      now: () => 0,
      build: { version: '1.2.3', node: 'v20', commit: 'abcdef0' },
    } as unknown as MetricsSources);
    const page = await render();
    assert.match(page, 'gateway_build_info{version="1.2.3",node="v20",commit="abcdef0"} 1');
    assert.match(page, `gateway_events_total{shop="${SHOP}",outcome="appended",reason=""} 120`);
    assert.match(page, `gateway_events_total{shop="${SHOP}",outcome="quarantined",reason="unknown_type"} 0`);
    assert.match(page, `gateway_quarantine_events{shop="${SHOP}"} 2`);
    assert.match(page, `gateway_quarantine_bytes{shop="${SHOP}"} 512`);
    assert.match(page, `gateway_quarantine_dropped_total{shop="${SHOP}",limit="count"} 3`);
    assert.match(page, `gateway_quarantine_dropped_total{shop="${SHOP}",limit="age"} 1`);
    assert.match(page, `gateway_dead_letters_dropped_total{shop="${SHOP}",pipeline="p",limit="count"} 4`);
    assert.not.match(page, 'limit="bytes"');
  });
});
