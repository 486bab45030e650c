import { mkdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import type { Balance } from '../../../schemas/admin-api/balance.ts';
import type { PipelineReport } from '../../../schemas/admin-api/pipelines.ts';
import { freePort } from '../../support/ports.ts';
import { until } from '../../support/until.ts';
import { ADMIN_TOKEN, openAdmin } from '../admin.ts';
import { shops } from '../audit.ts';
import { copyBuild } from '../build-copy.ts';
import { plant } from '../events.ts';
import { type Finding, none } from '../findings.ts';
import { linesOf } from '../ledger.ts';
import { layersOrder, post } from '../post.ts';
import { onStage } from '../scenario.ts';
import { type Arrival, openSink } from '../sink.ts';
import { pipelineOf } from '../targets.ts';
import type { AuditOptions } from './audits.ts';

const SOON_MS = 15_000;
const STRANGE = 20;
const PLAIN = 10;
const [{ shop, token }] = shops;

/**
 * A newer release has stored events in a form that this one does not know, and is rolled back. The gateway goes on taking events, the pipeline
 * waits before what cannot be read and says so, and an operator who resumes it all the same finds what was left out counted.
 */
export async function unreadable({ folder, entry }: AuditOptions): Promise<readonly Finding[]> {
  mkdirSync(join(folder, 'newer'));
  const newer = copyBuild(entry, join(folder, 'newer'), [
    { file: 'adapters/dialects/layers/layers.js', piece: "name: 'layers',", by: "name: 'layers-to-come'," },
  ]);
  const log = `lmdb:${join(folder, 'log')}`;
  const port = await freePort();
  const config = { shops: [{ shop, tokens: [token], pipelines: [pipelineOf({ shop, pipeline: 'hook', port })] }] };
  const environment = { ADMIN_TOKEN, LOG_URL: log };
  mkdirSync(join(folder, 'first'));
  // Nobody is at its destination, so nothing of it is delivered.
  await onStage(join(folder, 'first'), newer, 'lmdb', async ({ start, port }) => {
    const gateway = await start(config, environment);
    await sent(port, 0, STRANGE);
    await gateway.stop();
    return [];
  });
  mkdirSync(join(folder, 'second'));
  return onStage(join(folder, 'second'), entry, 'lmdb', async (stage) => {
    const record = join(stage.files, 'sink.ndjson');
    const sink = await openSink({ port, record });
    const gateway = await stage.start(config, environment);
    const admin = openAdmin(stage.port);
    try {
      const taken = await sent(stage.port, STRANGE, PLAIN).catch(() => false);
      const report = async () =>
        (await admin.ask<{ pipelines: PipelineReport[] }>('/pipelines')).pipelines.find(
          (one) => one.pipeline === 'hook',
        );
      const waits = await until(async () => (await report())?.state === 'suspended', SOON_MS).catch(() => false);
      const reason = (await report().catch(() => undefined))?.reason ?? '';
      await admin.order(`/pipelines/${shop}/hook/resume`).catch(() => {});
      const isThrough = async () => (await report())?.pending === 0;
      await until(isThrough, SOON_MS).catch(() => {});
      const { balanced, pipelines } = await admin.ask<Balance>('/balance');
      const [books] = pipelines;
      const came = linesOf<Arrival>(record).filter((arrival) => 'id' in arrival).length;
      const isCounted =
        balanced && books?.delivered === PLAIN && books.dropped.unreadable === STRANGE && came === PLAIN;
      return [
        none('TAKEN', 'new events that were not taken beside what cannot be read', taken ? [] : ['none of them']),
        none(
          'SAID',
          'a pipeline that does not wait before what cannot be read, and say so',
          waits && /cannot be read/.test(reason) ? [] : [reason],
        ),
        none('COUNTED', 'events left out and not counted', isCounted ? [] : [`${came} came: ${JSON.stringify(books)}`]),
      ];
    } finally {
      admin.close();
      await gateway.kill();
      await sink.close();
    }
  });
}

async function sent(port: number, from: number, count: number): Promise<boolean> {
  const agent = new Agent();
  const events = Array.from({ length: count }, (_, k) => plant('u', shop, `s${k}`, from + k, 'payload').event);
  const reply = await post({ port, agent, ...layersOrder(token, events) });
  agent.destroy();
  return 'status' in reply && reply.status === 201;
}
