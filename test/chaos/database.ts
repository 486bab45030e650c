import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { atOnce } from './at-once.ts';
import { cut } from './database/cut.ts';
import { deadlock } from './database/deadlock.ts';
import { disk } from './database/disk.ts';
import { failover } from './database/failover.ts';
import type { Fault } from './database/fault.ts';
import { hang } from './database/hang.ts';
import { kill } from './database/kill.ts';
import { liar } from './database/liar.ts';
import { limit } from './database/limit.ts';
import { pause } from './database/pause.ts';
import { deadDiskOn, powerOn } from './database/power.ts';
import { restart } from './database/restart.ts';
import { summary, together } from './database/summary.ts';
import { freeze, takeover } from './database/takeover.ts';
import { versions } from './database/versions.ts';
import { type Finding, none } from './findings.ts';
import { NotRun } from './not-run.ts';
import { commonOptions, judged } from './scenario.ts';
import { verdictTable } from './verdict-table.ts';

/**
 * What can happen to a database happens to that of a gateway under load: it is killed, restarted, frozen, cut off, full, without power,
 * replaced by its standby, and so on. What was acknowledged must arrive at every sink of its shop, in order; who asks meanwhile is told 503
 * and when to come again; and when the database is back, so is the gateway.
 *
 *   node --import tsx test/chaos/database.ts --short --at-once 2
 *   node --import tsx test/chaos/database.ts --fault kill,power-xfs --times 20 --seed 1
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    /** Some of them by their names, separated by commas, or all. */
    fault: { type: 'string', default: 'all' },
    /** How long it goes on, or how often it happens; each has its own if absent. */
    seconds: { type: 'string' },
    times: { type: 'string' },
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
  powerOn('ext4'),
  powerOn('xfs'),
  deadDiskOn('ext4'),
  deadDiskOn('xfs'),
  disk,
  failover,
  hang,
  limit,
  deadlock,
  versions,
  liar,
];

await judged(values, async (folder, entry) => {
  const chosen = chosenFaults();
  const found = new Map<Fault, readonly Finding[]>();
  const missing: string[] = [];
  await atOnce(chosen, Number(values['at-once']), async (fault) => {
    const played = await playedOrNot(fault, join(folder, fault.name), entry);
    if (played instanceof NotRun) missing.push(`${fault.name}: ${played.message}`);
    else found.set(fault, played);
  });
  const rows = tableOf(chosen, found);
  if (missing.length === 0 || rows.some(({ passed }) => !passed)) return rows;
  // The others have passed, and are shown; all the same, what one does not know of one fault is not known of the whole.
  if (rows.length > 0) console.log(verdictTable(rows));
  throw new NotRun(missing.join('; '));
});

function chosenFaults(): Fault[] {
  const names = faults.map(({ name }) => name);
  const wanted = values.fault === 'all' ? names : values.fault.split(',');
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`--fault must be all or some of ${names.join(', ')}, got ${unknown}`);
  return faults.filter(({ name }) => wanted.includes(name));
}

/** A fault by itself with all that was found; of several, one row each. */
function tableOf(chosen: readonly Fault[], found: ReadonlyMap<Fault, readonly Finding[]>): readonly Finding[] {
  const played = chosen.flatMap((fault) => (found.has(fault) ? [{ fault, findings: found.get(fault) ?? [] }] : []));
  if (chosen.length === 1) return played.flatMap(({ findings }) => findings);
  return [
    ...played.map(({ fault, findings }) => summary(fault.name, findings)),
    ...together(played.flatMap(({ findings }) => findings)),
  ];
}

async function playedOrNot(fault: Fault, folder: string, entry: string): Promise<readonly Finding[] | NotRun> {
  mkdirSync(folder);
  const length = values.short ? 'short' : 'usual';
  const seconds = Number(values.seconds ?? fault.seconds?.[length] ?? 0);
  const times = values.times ?? (values.seconds === undefined ? fault.times?.[length] : undefined);
  const begin = performance.now();
  const result = await fault
    .play({
      folder,
      entry,
      seed: Number(values.seed),
      rate: Number(values.rate),
      quietMs: Number(values['quiet-seconds']) * 1000,
      seconds,
      times: times === undefined ? undefined : Number(times),
    })
    .catch((error: unknown) => (error instanceof NotRun ? error : [broken(error)]));
  const word = result instanceof NotRun ? 'not run' : `took ${((performance.now() - begin) / 1000).toFixed(0)} s`;
  console.log(`${fault.name}: ${word}`);
  return result;
}

function broken(error: unknown): Finding {
  const words = error instanceof Error ? `${error.stack}` : `${error}`;
  return none('BROKEN', 'a scenario that did not come to its end', [words]);
}
