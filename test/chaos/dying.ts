import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type FileSystem, fileSystems, type LoopDisk } from '../support/loop-disk.ts';
import { firstFailed, under } from '../support/strace.ts';
import { judgeAnswers } from './answers.ts';
import { needTrace, ownDisk } from './disk/needs.ts';
import { type Death, judgeDeaths, LEARN_MS } from './disk/promises.ts';
import { audited, type Happened, IN_FLIGHT, type Round } from './disk/round.ts';
import { exactly, type Finding } from './findings.ts';
import type { Gateway } from './gateway.ts';
import { pause } from './random.ts';
import { inRounds } from './rounds.ts';
import { commonOptions, judged } from './scenario.ts';

/**
 * The disk dies under a live gateway: in turn the whole file system at once, and its syncs alone, which answer EIO. From then on
 * nothing may be promised; the gateway ends by itself; and after a restart nothing is lost.
 *
 *   node --import tsx test/chaos/dying.ts --times 6 --seed 1
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    times: { type: 'string', default: '6' },
    /** Spread over this many runs, each on a disk of its own: ext4 and xfs in turn. */
    rounds: { type: 'string', default: '2' },
    lanes: { type: 'string', default: '64' },
    batch: { type: 'string', default: '10' },
    /** Events per second. */
    rate: { type: 'string', default: '4000' },
    /** Fewer acknowledged events prove too little. */
    'least-acked': { type: 'string', default: '1000' },
  },
});

/** On a busy machine; at rest it takes a quarter of a second. */
const EXIT_SECONDS = 5;
const rounds = Number(values.rounds);
const times = Math.round(Number(values.times) / rounds);
/** The disk of one that does not end by itself is believed to be well. */
const PATIENCE_MS = 20_000;

await judged(values, async (folder, entry) => {
  needTrace();
  return inRounds({ folder, rounds, keep: values.keep, leastAcked: Number(values['least-acked']) }, (own, number) => {
    const kind = fileSystems[number % fileSystems.length] ?? 'ext4';
    return dyingRound(own, entry, kind, number);
  });
});

async function dyingRound(
  folder: string,
  entry: string,
  kind: FileSystem,
  number: number,
): Promise<readonly Finding[]> {
  const seed = Number(values.seed) + number;
  console.log(`the disk dies ${times} times on ${kind}, seed ${seed}`);
  const disk = ownDisk(folder, kind);
  try {
    const load = { lanes: Number(values.lanes), batch: Number(values.batch), rate: Number(values.rate) };
    const options = {
      folder,
      log: join(disk.path, 'log'),
      entry,
      seed,
      load,
      repeats: times * IN_FLIGHT,
      leastAcked: 1,
    };
    return await audited(options, (round) => dieAgain(round, { disk, folder }, number));
  } finally {
    disk.remove();
  }
}

/** Where a death takes place. */
interface Place {
  readonly disk: LoopDisk;
  /** For what strace sees. */
  readonly folder: string;
}

async function dieAgain(round: Round, place: Place, first: number): Promise<Happened> {
  const deaths: Death[] = [];
  round.startLoad();
  for (let time = 0; time < times; time += 1) {
    const [name, die] = (time + first) % 2 === 0 ? ['file system', allOfIt] : ['syncs', itsSyncs];
    const { at, ...end } = await die(round, place);
    console.log(`${name}: exit ${end.exit} ${at === undefined ? 'before any death' : `after ${end.exitedAt - at} ms`}`);
    if (at !== undefined) deaths.push({ at, ...end });
  }
  const gateway = await round.start();
  await round.loaded();
  const answers = round.answers();
  return {
    gateway,
    findings: [
      exactly('DEATHS', 'times that the disk died', deaths.length, times),
      ...judgeDeaths(answers, deaths, EXIT_SECONDS),
      ...judgeAnswers(answers, { slowestSeconds: EXIT_SECONDS, breaks: true }),
    ],
  };
}

/** A death, or an end for which no disk had to die. */
type End = Omit<Death, 'at'> & { readonly at: number | undefined };

/** Every call fails, and what was not synced is gone. */
async function allOfIt({ random, start, loaded, output }: Round, { disk }: Place): Promise<End> {
  const printed = sizeOf(output);
  const gateway = await start();
  await loaded();
  await pause(1500 * random());
  disk.cut();
  const at = Date.now();
  const end = await endOf(gateway, output, printed);
  disk.remount();
  return { at, ...end };
}

/** Syncs fail from one on that is some way after the start; everything else goes on. Each thread has its own first that fails. */
async function itsSyncs({ random, launch, output }: Round, { disk, folder }: Place): Promise<End> {
  const printed = sizeOf(output);
  const when = 10 + Math.floor(30 * random());
  const trace = join(folder, 'trace');
  const end = await endOf(launch(under({ call: 'fdatasync', when, fault: 'EIO' }, trace)), output, printed);
  // An archive that cannot be synced is tried again; only the log's own file must not fail.
  const at = firstFailed(readFileSync(trace, 'utf8'), join(disk.path, 'log/data.mdb'));
  return { at, graceMs: LEARN_MS, ...end };
}

/** Also what it printed, which is the output from this many bytes on. */
async function endOf(gateway: Gateway, output: string, from: number): Promise<Omit<Death, 'at'>> {
  const patience = setTimeout(() => void gateway.kill(), PATIENCE_MS);
  const exit = await gateway.exited();
  const exitedAt = Date.now();
  clearTimeout(patience);
  return { exit, exitedAt, printed: readFileSync(output).subarray(from).toString() };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
