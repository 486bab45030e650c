import { renameSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ADMIN_TOKEN } from './admin.ts';
import { shops, startAudit } from './audit.ts';
import { openDestination } from './combined/destination.ts';
import { type Fault, planOf, wordsOf } from './combined/plan.ts';
import { booksAgree } from './database/books.ts';
import { plant } from './events.ts';
import { fakeClock } from './fake-clock.ts';
import { atLeast, exactly, type Finding, none } from './findings.ts';
import type { Gateway } from './gateway.ts';
import { openHalts } from './halt.ts';
import { layersOrder, post } from './post.ts';
import { pause } from './random.ts';
import { logOptions, play, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';

/**
 * Two or three faults at a time, drawn by the seed: the gateway is killed, restarted, stopped or blocked; its destination refuses, hangs,
 * breaks off or fails; its clock is set, or its configuration read again. In the end everything must be there. The schedule is printed, and
 * the same seed gives it again.
 *
 *   node --import tsx test/chaos/combined.ts --minutes 10 --seed 42 --log postgres
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    minutes: { type: 'string', default: '0.35' },
    lanes: { type: 'string', default: '16' },
    rate: { type: 'string', default: '1000' },
    'quiet-seconds': { type: 'string', default: '120' },
  },
});

const seed = Number(values.seed);
/** What one step takes, with the time in which everything is well again. */
const stepMs = 4_000;
const steps = planOf(seed, Math.max(1, Math.round((Number(values.minutes) * 60_000) / stepMs)));
/** Events of one delivery. */
const batchSize = 100;
/** Deliveries between two saves of the cursor: what a process that ends may repeat. A destination that ends has taken one unanswered at most. */
const batchesPerSave = 4;
const faults = steps.flat();
const restarts = faults.filter(({ kind }) => kind === 'kill' || kind === 'term').length;

await play(values, async ({ files, port, start }) => {
  const sinkPort = await freePort();
  const targets = shops.map(({ shop }) => ({ shop, pipeline: 'hook', port: sinkPort, settings: { batchSize } }));
  const load = { lanes: Number(values.lanes), batch: 10, rate: Number(values.rate) };
  const audit = startAudit({ folder: files, port, seed, load, targets });
  const destination = await openDestination({ port: sinkPort, record: audit.record, manners: { holdMs: 10 } });
  const clock = fakeClock(join(files, 'clock'));
  const halts = openHalts(join(files, 'block'));
  const config = join(files, 'gateway.json');
  writeFileSync(config, JSON.stringify(audit.config));
  const environment = { ADMIN_TOKEN, ...clock.environment, ...halts.environment, GATEWAY_CONFIG: config };
  const begin = () => start(audit.config, environment);
  const codes: (number | null)[] = [];
  let gateway: Gateway = await begin();
  let up = true;
  let reloads = 0;
  const act: Readonly<Record<Fault['kind'], (fault: Fault) => Promise<void> | void>> = {
    kill: () => restarted(() => gateway.kill()),
    term: () => restarted(async () => void codes.push(await gateway.stop())),
    stop: ({ ms }) => halts.stop(gateway.pid, ms),
    block: ({ ms }) => halts.block(gateway.pid, ms),
    refuses: ({ ms }) => destination.refuses(ms),
    hangs: ({ ms }) => destination.hangs(ms),
    resets: ({ ms }) => destination.resets(ms),
    '500': ({ ms }) => destination.fails(ms),
    clock: ({ hours }) => clock.set(`${hours < 0 ? '' : '+'}${hours}h`),
    reload() {
      reloads += 1;
      writeFileSync(`${config}.new`, JSON.stringify(withOneMore(audit.config, reloads)));
      renameSync(`${config}.new`, config);
      if (up) process.kill(gateway.pid, 'SIGHUP');
    },
  };
  const restarted = async (end: () => Promise<void>) => {
    up = false;
    await end();
    gateway = await begin();
    up = true;
  };

  audit.startLoad();
  let met = 0;
  for (const [number, step] of steps.entries()) {
    console.log(`step ${number + 1}: ${wordsOf(step)}`);
    const over = pause(stepMs);
    await Promise.all(
      step.map(async (fault) => {
        await pause(fault.afterMs);
        await act[fault.kind](fault);
        met += 1;
      }),
    );
    await over;
  }
  const taken = reloads === 0 || (await until(() => accepts(port, tokenOf(reloads)), 10_000).catch(() => false));
  await audit.loadEnded('SIGTERM');
  const quietMs = Number(values['quiet-seconds']) * 1000;
  const balance = await settledBalance(port, quietMs);
  const { findings, acked } = await audit.verdict(quietMs, {
    allowedDuplicates: (restarts * batchesPerSave + faults.length - restarts) * batchSize,
    // A kill while a delivery is halved forgets how.
    allowedRenamed: restarts * batchSize,
  });
  const exit = await stopped(gateway);
  await destination.close();
  const wrong = codes.filter((code) => code !== 0).map(String);
  const all: Finding[] = [
    exactly('MET', 'faults', met, faults.length),
    atLeast('ACKED', 'events acknowledged', acked, 1000),
    ...findings,
    booksAgree(balance, audit.arrivals(), targets),
    none('EXITS', `exit codes other than 0, of ${codes.length} restarts`, wrong),
    none('RELOAD', `configurations not in force after ${reloads} changes`, taken ? [] : [tokenOf(reloads)]),
    exit,
  ];
  if (all.some(({ passed }) => !passed))
    console.log(`seed ${seed}:\n${steps.map((step, index) => `step ${index + 1}: ${wordsOf(step)}`).join('\n')}`);
  return all;
});

/** A shop more than before, that nobody sends to: a configuration that must be taken, and change nothing for the others. */
function withOneMore(config: object, number: number): object {
  const { shops } = config as { readonly shops: readonly object[] };
  return { shops: [...shops, { shop: `more-${number}.myshopify.com`, tokens: [tokenOf(number)], pipelines: [] }] };
}

function tokenOf(number: number): string {
  return `token-more-${number}`;
}

async function accepts(port: number, token: string): Promise<boolean> {
  const { event } = plant('more', 'more', 'more', 0, 'more');
  const agent = new Agent();
  const reply = await post({ port, agent, ...layersOrder(token, [event]) });
  agent.destroy();
  return 'status' in reply && reply.status === 201;
}
