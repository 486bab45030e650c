import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ADMIN_TOKEN } from './admin.ts';
import { shops, startAudit } from './audit.ts';
import { booksAgree } from './database/books.ts';
import { atLeast, atMost, exactly, type Finding, none } from './findings.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { NotRun } from './not-run.ts';
import { pause, seeded } from './random.ts';
import { judged, logOptions, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';
import { openSink } from './sink.ts';

/**
 * Gateways that want one folder: a second one, beside one under load, must refuse with a reason and do no harm. Then the first is killed
 * with -9 while it writes, and several start at the same moment: one must get the folder, soon, and the others refuse.
 *
 *   node --import tsx test/chaos/owners.ts --times 10
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    times: { type: 'string', default: '2' },
    /** How many start at the same moment. */
    rivals: { type: 'string', default: '3' },
    /** Seconds within which one of them must be ready. */
    'ready-seconds': { type: 'string', default: '10' },
    'quiet-seconds': { type: 'string', default: '60' },
  },
});

const REASON = /is in use by another process; stop that one first/;
const EXIT_WITHIN_MS = 20_000;
/** What a kill may make a destination see again: 4 batches of 100, and one that was just begun. */
const IN_FLIGHT = 500;
const [times, rivals] = [Number(values.times), Number(values.rivals)];

await judged(values, async (folder, entry) => {
  if (values.log !== 'lmdb')
    throw new NotRun('on PostgreSQL several processes share a log: the scenario cluster plays that');
  const random = seeded(Number(values.seed));
  const [sinkPort, ...ports] = await Promise.all(Array.from({ length: rivals + 1 }, freePort));
  const [port = 0, ...otherPorts] = ports;
  const targets = shops.map(({ shop }) => ({ shop, pipeline: 'hook', port: sinkPort ?? 0 }));
  const load = { lanes: 16, batch: 10, rate: 2000 };
  const audit = startAudit({
    folder: join(folder, 'audit'),
    port,
    otherPorts,
    seed: Number(values.seed),
    load,
    targets,
  });
  const sink = await openSink({ port: sinkPort ?? 0, record: audit.record, manners: { holdMs: 10 } });
  const environment = { LOG_URL: `lmdb:${join(folder, 'log')}`, ADMIN_TOKEN };
  const ends: number[] = [];
  const launch = (at: number) => startGateway({ entry, folder, port: at, config: audit.config, environment, ends });

  let owner = launch(port);
  await owner.ready();
  audit.startLoad();
  const refusals: (number | string | null)[] = [];
  const readyMs: number[] = [];
  for (let time = 1; time <= times; time += 1) {
    const before = audit.sent();
    await until(() => audit.sent() > before + 500, 30_000);
    // Beside one that lives.
    refusals.push(await refused(launch(ports.find((one) => one !== owner.port) ?? 0)));
    const beside = audit.sent();
    await until(() => audit.sent() > beside + 500, 30_000);
    await pause(random() * 500);
    await owner.kill();
    const begin = performance.now();
    const all = ports.map(launch);
    owner = await Promise.any(all.map(whenReady));
    readyMs.push(performance.now() - begin);
    refusals.push(...(await Promise.all(all.filter((one) => one !== owner).map(refused))));
  }
  const last = audit.sent();
  await until(() => audit.sent() > last + 500, 30_000);
  await audit.loadEnded('SIGTERM');
  const quietMs = Number(values['quiet-seconds']) * 1000;
  const balance = await settledBalance(owner.port, quietMs);
  const verdict = await audit.verdict(quietMs, {
    allowedDuplicates: times * IN_FLIGHT,
    ends: { at: ends, most: IN_FLIGHT },
  });
  const exit = await stopped(owner);
  await sink.close();
  return findings(refusals, readyMs, readFileSync(join(folder, 'gateway.log'), 'utf8'), [
    atLeast('ACKED', 'events acknowledged', verdict.acked, 1000),
    ...verdict.findings,
    booksAgree(balance, audit.arrivals(), targets),
    exit,
  ]);
});

function findings(
  refusals: readonly (number | string | null)[],
  readyMs: readonly number[],
  output: string,
  rest: readonly Finding[],
): Finding[] {
  const [ended, others] = [refusals.filter((code) => code === 1), refusals.filter((code) => code !== 1)];
  const told = output.split('\n').filter((line) => /cannot start/i.test(line) && REASON.test(line)).length;
  return [
    exactly('MET', 'starts on a folder in use that ended with 1', ended.length, times * rivals),
    none('EXITS', 'starts on a folder in use that ended otherwise, or ran', others.map(String)),
    exactly('REASON', 'of them that said why', told, times * rivals),
    exactly('KILLS', 'owners killed while they wrote', readyMs.length, times),
    atMost(
      'READY',
      'seconds from a kill to the next ready',
      Math.max(...readyMs) / 1000,
      Number(values['ready-seconds']),
    ),
    ...rest,
  ];
}

async function whenReady(gateway: Gateway): Promise<Gateway> {
  await gateway.ready(30_000);
  return gateway;
}

/** The exit code of a gateway that must not run; what it did instead where it does. */
async function refused(gateway: Gateway): Promise<number | string | null> {
  const late = pause(EXIT_WITHIN_MS).then(() => 'it runs');
  const code = await Promise.race([gateway.exited(), late]);
  if (code === 'it runs') await gateway.kill();
  return code;
}
