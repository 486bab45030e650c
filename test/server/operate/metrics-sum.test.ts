import * as assert from 'uvu/assert';
import { createMetrics } from '../../../server/operate/metrics.ts';
import { createMetricsSum } from '../../../server/operate/metrics-sum.ts';
import { describe } from '../../support/describe.ts';

/** What a process says that has answered this many requests. */
async function counts(requests: number) {
  const metrics = createMetrics();
  for (let n = 0; n < requests; n++) metrics.answered({ dialect: 'layers', status: 201, requestId: '', ms: 4 });
  return metrics.collected();
}

const value = (text: string, name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
const REQUESTS = 'gateway_requests_total{dialect="layers",status="201"}';
const IN_5_MS = 'gateway_request_seconds_bucket{le="0.005"}';
const MEMORY = 'nodejs_heap_size_used_bytes';

describe('the sum of what processes count', ({ it }) => {
  it('adds up what each said last', async () => {
    const sum = createMetricsSum();
    sum.update(1, await counts(2));
    sum.update(2, await counts(3));
    sum.update(1, await counts(5));
    const text = await sum.render(await counts(0));
    assert.is(value(text, REQUESTS), 8);
    assert.is(value(text, IN_5_MS), 8);
    assert.match(text, /^# TYPE gateway_requests_total counter$/m);
    assert.match(text, /^# HELP gateway_requests_total \S/m);
  });

  it('keeps what an ended process had counted, and not what it used', async () => {
    const own = await counts(0);
    const alone = value(await createMetricsSum().render(own), MEMORY);
    const sum = createMetricsSum();
    for (const process of [1, 2, 3]) {
      sum.update(process, await counts(10));
      assert.ok(value(await sum.render(own), MEMORY) > alone);
      sum.ended(process);
    }
    for (const _ of [1, 2]) {
      const text = await sum.render(own);
      assert.is(value(text, REQUESTS), 30);
      assert.is(value(text, IN_5_MS), 30);
      assert.is(value(text, MEMORY), alone);
    }
  });

  it('takes a process that ended before it said anything for one that counted nothing', async () => {
    const sum = createMetricsSum();
    sum.ended(1);
    assert.ok(Number.isNaN(value(await sum.render(await counts(0)), REQUESTS)));
  });
});
