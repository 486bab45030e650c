import { Agent } from 'node:http';
import { join } from 'node:path';
import type { PageOf } from '../../../schemas/admin-api/common.ts';
import type { QuarantinedHeadView } from '../../../schemas/admin-api/quarantine.ts';
import { freePort } from '../../support/ports.ts';
import { ADMIN_TOKEN, openAdmin } from '../admin.ts';
import { shops } from '../audit.ts';
import { type Finding, none } from '../findings.ts';
import { linesOf } from '../ledger.ts';
import { layersOrder, post } from '../post.ts';
import { summed } from '../rounds.ts';
import { onStage, type Stage } from '../scenario.ts';
import { settledBalance } from '../settled.ts';
import { type Arrival, openSink } from '../sink.ts';
import { destinationOf, pipelineOf } from '../targets.ts';
import type { AuditOptions } from './audits.ts';
import { booksOf, delivered, quarantineOf } from './books-judge.ts';
import { type BooksPlan, PIPELINE, planOf } from './books-plan.ts';

const CATCH_UP_MS = 10_000;

/** Two shops send the same ids, some of them twice, some again after a kill; and events that are invalid. All books must say so. */
export function books({ folder, entry, seed }: AuditOptions): Promise<readonly Finding[]> {
  return onStage(folder, entry, 'lmdb', async (stage) => {
    const record = join(stage.files, 'sink.ndjson');
    const port = await freePort();
    const sink = await openSink({ port, record });
    const config = { shops: shops.map((one) => configOf(one, port)) };
    let gateway = await stage.start(config, { ADMIN_TOKEN });
    try {
      const plans = shops.map(({ shop }, number) => planOf(shop, seed * 10 + number));
      const wrong = await sent(plans, stage, 'first');
      await settledBalance(stage.port, CATCH_UP_MS);
      await gateway.kill();
      gateway = await stage.start(config, { ADMIN_TOKEN });
      wrong.push(...(await sent(plans, stage, 'late')));
      const balance = await settledBalance(stage.port, CATCH_UP_MS);
      const arrivals = linesOf<Arrival>(record);
      return [
        ...summed(plans.map((plan) => delivered(plan, arrivals))),
        none('ANSWERS', 'other than 201', wrong),
        booksOf(plans, balance),
        quarantineOf(plans, await kept(plans, stage)),
      ];
    } finally {
      await gateway.kill();
      await sink.close();
    }
  });
}

const configOf = ({ shop, token }: (typeof shops)[number], port: number): object => ({
  shop,
  tokens: [token],
  pipelines: [pipelineOf({ shop, pipeline: PIPELINE, port })],
});

/** Sends both shops' requests at the same time; gives the answers that are none. */
async function sent(plans: readonly BooksPlan[], { port }: Stage, part: 'first' | 'late'): Promise<string[]> {
  const wrong = plans.map(async (plan, number): Promise<string[]> => {
    const agent = new Agent({ keepAlive: true });
    const token = shops[number]?.token ?? '';
    const bad: string[] = [];
    for (const { events } of plan[part]) {
      const reply = await post({ port, agent, ...layersOrder(token, events) });
      if (!('status' in reply) || reply.status !== 201) bad.push(`${destinationOf(plan)}: ${JSON.stringify(reply)}`);
    }
    agent.destroy();
    return bad;
  });
  return (await Promise.all(wrong)).flat();
}

async function kept(plans: readonly BooksPlan[], { port }: Stage): Promise<QuarantinedHeadView[]> {
  const admin = openAdmin(port);
  const pages = await Promise.all(
    plans.map(({ shop }) => admin.ask<PageOf<QuarantinedHeadView>>(`/quarantine?shop=${shop}&limit=1000`)),
  );
  admin.close();
  return pages.flatMap(({ items }) => items);
}
