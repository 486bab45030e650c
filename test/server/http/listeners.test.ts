import * as assert from 'uvu/assert';
import { onAbort } from '../../../adapters/on-abort.ts';
import { systemClock } from '../../../server/base/clock.ts';
import { describe } from '../../support/describe.ts';
import { beacon, gatewayWith, layersEvent, SHOP } from '../../support/gateway.ts';
import { openSink } from '../../support/sink.ts';
import { until } from '../../support/until.ts';

const ADMIN_TOKEN = 'a'.repeat(32);
const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };

describe('many who listen to one signal', ({ it, before, after }) => {
  const warnings: string[] = [];
  const note = (warning: Error) => void warnings.push(`${warning.name}: ${warning.message}`);
  before(() => void process.on('warning', note));
  after(() => void process.off('warning', note));
  const noneWarned = async () => {
    // Node warns in a later turn.
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(warnings.splice(0), []);
  };

  it('are no leak: sleepers, and those who have stopped listening', async () => {
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 50 }, () => systemClock.sleep(1, signal)));
    for (let n = 0; n < 50; n++) onAbort(signal, () => {})();
    await noneWarned();
  });

  it('are readers of the tail, as many as may; the next one is told when to come back', async () => {
    const gateway = await gatewayWith(`shops: [{ shop: ${SHOP}, tokens: [demo-token] }]`, { ADMIN_TOKEN });
    const url = `http://127.0.0.1:${gateway.port}/admin/tail`;
    const leaving = new AbortController();
    for (let n = 0; n < 20; n++) assert.is((await fetch(url, { headers, signal: leaving.signal })).status, 200);
    const refused = await fetch(url, { headers });
    assert.is(refused.status, 503);
    assert.is(refused.headers.get('retry-after'), '10');
    assert.match(await refused.text(), /the tail must have at most 20 readers/);
    leaving.abort();
    await until(async () => {
      const one = new AbortController();
      const { status } = await fetch(url, { headers, signal: one.signal });
      one.abort();
      return status === 200;
    });
    await gateway.stop();
    await noneWarned();
  });

  it('are lanes of a pipeline that send, or wait', async () => {
    const sink = await openSink();
    const secret = `whsec_${'A'.repeat(32)}`;
    const gateway = await gatewayWith(`
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    pipelines:
      - { id: hook, lanes: 16, destination: { type: webhook, url: "${sink.url}", secret: ${secret}, allowPrivateNetworks: true } }
      - { id: down, lanes: 16, destination: { type: webhook, url: "http://127.0.0.1:9/", secret: ${secret}, allowPrivateNetworks: true } }`);
    const events = Array.from({ length: 100 }, (_, n) => layersEvent({ session_id: `s${n}` }));
    assert.is((await beacon(gateway.port, events)).status, 201);
    await until(() => sink.events().length >= 100);
    await gateway.stop();
    await sink.close();
    await noneWarned();
  });
});
