import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type FileSystem, fileSystems, type LoopDisk } from '../support/loop-disk.ts';
import { cutPower, proveCut } from './disk/cut.ts';
import { ownDisk } from './disk/needs.ts';
import { audited, type Happened, IN_FLIGHT, type Round } from './disk/round.ts';
import { atLeast, atMost, exactly, type Finding } from './findings.ts';
import { pause } from './random.ts';
import { inRounds } from './rounds.ts';
import { commonOptions, judged } from './scenario.ts';

/**
 * Power cuts under load: what was not synced is gone. The log alone lies on the disk that it happens to; what loads, takes and
 * judges lives elsewhere. ext4 and xfs in turn.
 *
 *   node --import tsx test/chaos/power.ts --cuts 6 --seed 1
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    cuts: { type: 'string', default: '6' },
    /** How long the load runs at most from one cut to the next. */
    'seconds-each': { type: 'string', default: '3' },
    /** Cuts are spread over this many runs, each on a disk of its own, so that each can be judged in memory. */
    rounds: { type: 'string', default: '2' },
    lanes: { type: 'string', default: '64' },
    batch: { type: 'string', default: '10' },
    /** Events per second. */
    rate: { type: 'string', default: '4000' },
    /** Fewer acknowledged events prove too little. */
    'least-acked': { type: 'string', default: '2000' },
    /** How long destinations may take to catch up. */
    'quiet-seconds': { type: 'string', default: '60' },
  },
});

const READY_SECONDS = 30;
const [rounds, rate] = [Number(values.rounds), Number(values.rate)];
const cuts = Math.round(Number(values.cuts) / rounds);

await judged(values, (folder, entry) =>
  inRounds({ folder, rounds, keep: values.keep, leastAcked: Number(values['least-acked']) }, (own, number) => {
    const kind = fileSystems[number % fileSystems.length] ?? 'ext4';
    return cutRound(own, entry, kind, Number(values.seed) + number);
  }),
);

async function cutRound(folder: string, entry: string, kind: FileSystem, seed: number): Promise<readonly Finding[]> {
  console.log(`${cuts} power cuts on ${kind}, seed ${seed}`);
  const disk = ownDisk(folder, kind);
  try {
    proveCut(disk);
    const load = { lanes: Number(values.lanes), batch: Number(values.batch), rate };
    const log = join(disk.path, 'log');
    const quietMs = Number(values['quiet-seconds']) * 1000;
    const options = { folder, log, entry, seed, load, repeats: cuts * IN_FLIGHT, leastAcked: 1, quietMs };
    return await audited(options, (round) => cutAgain(round, disk));
  } finally {
    disk.remove();
  }
}

async function cutAgain({ random, startLoad, start, loaded, readyMs }: Round, disk: LoopDisk): Promise<Happened> {
  let gateway = await start();
  startLoad();
  let taken = 0;
  for (let cut = 0; cut < cuts; cut += 1) {
    await loaded();
    await pause(Number(values['seconds-each']) * 1000 * random());
    if (await cutPower(disk, gateway)) taken += 1;
    gateway = await start();
    console.log(`cut ${cut + 1}, ready after ${readyMs.at(-1)?.toFixed(0)} ms`);
  }
  await loaded();
  return {
    gateway,
    findings: [
      exactly('CUTS', 'power cuts under load', readyMs.length - 1, cuts),
      atLeast('MET', 'of them took what was not synced', taken, cuts),
      atMost('READY', 'seconds from a start to ready', Math.max(...readyMs.slice(1)) / 1000, READY_SECONDS),
    ],
  };
}
