import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cut } from './database/cut.ts';
import { deadlock } from './database/deadlock.ts';
import { disk } from './database/disk.ts';
import { failover } from './database/failover.ts';
import type { Fault } from './database/fault.ts';
import { kill } from './database/kill.ts';
import { liar } from './database/liar.ts';
import { limit } from './database/limit.ts';
import { pause } from './database/pause.ts';
import { restart } from './database/restart.ts';
import { freeze, takeover } from './database/takeover.ts';
import { versions } from './database/versions.ts';
import { type Finding, none } from './findings.ts';
import { commonOptions, judged } from './scenario.ts';

const { log: _, ...common } = commonOptions;

/**
 * What can happen to a database happens to that of a gateway under load: it is killed, restarted, frozen, cut off, full, replaced by its
 * standby, and so on. What was acknowledged must arrive at every sink, once its shop's and in order; who asks meanwhile is told 503
 * and when to come again; and when the database is back, so is the gateway.
 *
 *   node --import tsx test/chaos/database.ts --fault kill --seconds 20 --seed 1
 */
const { values } = parseArgs({
  options: {
    ...common,
    /** One of them by its name, or all. */
    fault: { type: 'string', default: 'all' },
    /** How long it goes on; each has its own time if absent. */
    seconds: { type: 'string' },
    /** As short as each still means something. */
    short: { type: 'boolean', default: false },
    /** Events per second. */
    rate: { type: 'string', default: '400' },
    /** How long destinations may take to catch up. */
    'quiet-seconds': { type: 'string', default: '60' },
    /** How many are played at the same time, each with a database of its own. */
    'at-once': { type: 'string', default: '1' },
  },
});

const faults: readonly Fault[] = [
  pause,
  freeze,
  takeover,
  kill,
  restart,
  cut,
  disk,
  failover,
  limit,
  deadlock,
  versions,
  liar,
];

await judged(values, async (folder, entry) => {
  const chosen = faults.filter(({ name }) => values.fault === 'all' || values.fault === name);
  if (chosen.length === 0) {
    const names = faults.map(({ name }) => name).join(', ');
    throw new Error(`--fault must be all or one of ${names}, got ${values.fault}`);
  }
  const play = (fault: Fault) => played(fault, join(folder, fault.name), entry);
  if (values.fault !== 'all') return (await Promise.all(chosen.map(play))).flat();
  const rows = new Map<Fault, Finding>();
  const left = [...chosen];
  const next = async (): Promise<void> => {
    for (let fault = left.shift(); fault !== undefined; fault = left.shift()) {
      rows.set(fault, summary(fault.name, await play(fault)));
    }
  };
  await Promise.all(Array.from({ length: Number(values['at-once']) }, next));
  return chosen.flatMap((fault) => rows.get(fault) ?? []);
});

async function played(fault: Fault, folder: string, entry: string): Promise<Finding[]> {
  mkdirSync(folder);
  const seconds = Number(values.seconds ?? fault.seconds[values.short ? 'short' : 'usual']);
  const begin = performance.now();
  const findings = await fault
    .play({
      folder,
      entry,
      seconds,
      seed: Number(values.seed),
      rate: Number(values.rate),
      quietMs: Number(values['quiet-seconds']) * 1000,
    })
    .catch((error: unknown) => [
      none('BROKEN', 'a scenario that did not come to its end', [
        error instanceof Error ? `${error.stack}` : `${error}`,
      ]),
    ]);
  console.log(`${fault.name}, for ${seconds} s, took ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  return findings;
}

/** One row for a whole fault: how many of its findings failed, and what it measured. */
function summary(name: string, findings: readonly Finding[]): Finding {
  const failed = findings.filter(({ passed }) => !passed);
  const figures = findings.filter(({ count }) => count !== 0).map((one) => `${one.name} ${one.count}`);
  const examples = failed.flatMap((one) => [`${one.name}: ${one.meaning}`, ...one.examples]);
  return { name, meaning: figures.join(', '), count: failed.length, passed: failed.length === 0, examples };
}
