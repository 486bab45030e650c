import { Agent } from 'node:http';
import { freePort } from '../../support/ports.ts';
import { shops } from '../audit.ts';
import { atMost, type Finding, none } from '../findings.ts';
import { layersOrder, post } from '../post.ts';
import { pause } from '../random.ts';
import { onStage } from '../scenario.ts';
import { pipelineOf } from '../targets.ts';
import type { AuditOptions } from './audits.ts';

const PAGES = 80;
const PAGE_EVENTS = 24;
const PAD = 'x'.repeat(8000);
const REQUESTS = 160;
const SLOWEST_SECONDS = 8;
const [one, two] = shops;

/** One shop repeats, with its public token, events that lie far apart in its log, as fast as it can. Another shop's requests must not wait for that. */
export function lookback({ folder, entry }: AuditOptions): Promise<readonly Finding[]> {
  return onStage(folder, entry, 'lmdb', async ({ port, start }) => {
    const nobody = await freePort();
    const config = {
      shops: shops.map(({ shop, token }) => ({
        shop,
        tokens: [token],
        pipelines: [pipelineOf({ shop, pipeline: 'hook', port: nobody })],
      })),
    };
    const gateway = await start(config);
    const agent = new Agent({ keepAlive: true });
    const tell = (token: string, events: readonly object[]) =>
      post({ port, agent, ...layersOrder(token, events) }, 60_000);
    try {
      for (let page = 0; page < PAGES; page += 1)
        await tell(two.token, [
          search(`far-${page}`),
          ...Array.from({ length: PAGE_EVENTS }, (_, i) => search(`${page}-${i}`, PAD)),
        ]);
      const known = Array.from({ length: PAGES }, (_, page) => search(`far-${page}`));
      let isOver = false;
      const attack = Promise.all(Array.from({ length: REQUESTS }, () => tell(two.token, known))).finally(() => {
        isOver = true;
      });
      const [waits, wrong]: [number[], string[]] = [[], []];
      while (!isOver || waits.length < 10) {
        const begin = performance.now();
        const reply = await tell(one.token, [search(`own-${waits.length}`)]);
        waits.push((performance.now() - begin) / 1000);
        if (!('status' in reply) || reply.status !== 201) wrong.push(JSON.stringify(reply).slice(0, 200));
        await pause(50);
      }
      await attack;
      return [
        none('REFUSED', `answers other than 201 to ${waits.length} requests of another shop`, wrong),
        atMost('WAIT', 'seconds that the slowest of them took', Math.max(...waits), SLOWEST_SECONDS),
      ];
    } finally {
      agent.destroy();
      await gateway.kill();
    }
  });
}

const search = (event_id: string, pad = '') => ({
  event_type: 'search',
  event_id,
  timestamp: new Date().toISOString(),
  session_id: 's',
  query: `q${pad}`,
});
