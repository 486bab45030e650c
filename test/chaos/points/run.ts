import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/ports.ts';
import { until } from '../../support/until.ts';
import { ADMIN_TOKEN } from '../admin.ts';
import { type Audit, shops, startAudit } from '../audit.ts';
import { idOf } from '../events.ts';
import { atMost, type Finding, none } from '../findings.ts';
import type { Gateway } from '../gateway.ts';
import { seeded } from '../random.ts';
import { type Stage, stopped } from '../scenario.ts';
import { settledBalance } from '../settled.ts';
import { openSink } from '../sink.ts';
import { destinationOf, type Target } from '../targets.ts';
import { operatorOf } from './operator.ts';
import type { Point } from './point.ts';
import { type Deaths, MARKED, verdictOf } from './verdict.ts';

export interface RunOptions {
  /** That of all the points. */
  readonly kind: Point['stage'];
  /** The folder of a log that can be damaged. */
  readonly log: string;
  readonly seed: number;
  /** How often each point is died at. */
  readonly rounds: number;
  readonly readySeconds: number;
  readonly environment: Readonly<Record<string, string>>;
}

const MET_MS = 30_000;
const SETTLED_MS = 60_000;
const HOT_PASSES = 20;
/** How long after it has begun a commit is met at most. */
const DURING_MS = 8;
/** LMDB's two meta pages: without them nothing of its trees is found. */
const SPOILT_BYTES = 8192;

/** Dies at each point in turn, on one log and under one load, and is started again; what was acknowledged must arrive all the same. */
export async function dieAt(points: readonly Point[], stage: Stage, options: RunOptions): Promise<readonly Finding[]> {
  const port = await freePort();
  const carts = { shop: shops[0].shop, pipeline: 'carts', port };
  const targets: Target[] = [
    ...shops.map(({ shop }) => ({ shop, pipeline: 'hook', port })),
    { ...carts, rules: { events: ['add_to_cart'] }, settings: { batchSize: 1 } },
  ];
  const load = { lanes: 16, batch: 5, rate: 600, marked: MARKED };
  const audit = startAudit({ folder: join(stage.files, 'load'), port: stage.port, seed: options.seed, load, targets });
  const mannersOf = { [destinationOf(carts)]: { marked: 422 as const } };
  const sink = await openSink({ port, record: audit.record, manners: { holdMs: 5 }, mannersOf });
  let last: Gateway | undefined;
  try {
    const deaths = await eachDeath(points, stage, audit, options);
    last = await stage.start(audit.config, { ADMIN_TOKEN, ...options.environment });
    await audit.loadEnded('SIGTERM');
    if (points.some(({ needs }) => needs === 'replay')) await operatorOf(stage.port).replaysDone(SETTLED_MS);
    const balance = await settledBalance(stage.port, SETTLED_MS);
    const letters = options.kind === 'operator' ? await operatorOf(stage.port).letters() : undefined;
    return [
      met(deaths, points.length * options.rounds),
      ...verdictOf(audit, targets, balance, deaths, options.kind),
      onlyLetter(audit, letters),
      atMost('READY', 'seconds from a start to ready', Math.max(...stage.readyMs) / 1000, options.readySeconds),
      await stopped(last),
    ];
  } finally {
    await audit.loadEnded('SIGTERM').catch(() => {});
    await last?.kill();
    await sink.close();
  }
}

/** The marked event was rejected, however often somebody died over it. Judged where that is what they died over. */
function onlyLetter({ run }: Audit, letters: readonly string[] | undefined): Finding {
  const marked = idOf(run, 'lane0', MARKED);
  const isKept = letters === undefined || (letters.length === 1 && letters[0] === marked);
  return none('LETTER', `dead letters other than ${marked}, or it is none`, isKept ? [] : [`[${letters}]`]);
}

async function eachDeath(
  points: readonly Point[],
  stage: Stage,
  audit: Audit,
  { kind, log, seed, rounds, environment }: RunOptions,
): Promise<Deaths> {
  const random = seeded(seed);
  const deaths: { met: string[]; missed: string[] } = { met: [], missed: [] };
  audit.startLoad();
  let loaded = true;
  for (let round = 0; round < rounds; round += 1) {
    for (const point of points) {
      // What an operator asks for is asked for when no load hides what it does.
      if (point.needs !== undefined && loaded) {
        loaded = false;
        await atRest(stage, audit, environment);
      }
      if (kind === 'restore') await damaged(stage, audit, log);
      const pass = point.seldom ? 1 : 1 + Math.floor(random() * HOT_PASSES);
      const dieAt = `${point.name}:${pass}:${(random() * DURING_MS).toFixed(1)}`;
      const died = await death(point, stage, audit, { ADMIN_TOKEN, DIE_AT: dieAt, ...environment });
      (died ? deaths.met : deaths.missed).push(dieAt);
    }
  }
  return deaths;
}

/** Has everything delivered by a gateway that does not die, and ends the load. */
async function atRest(stage: Stage, audit: Audit, environment: RunOptions['environment']): Promise<void> {
  const gateway = await stage.start(audit.config, { ADMIN_TOKEN, ...environment });
  await audit.loadEnded('SIGTERM');
  await settledBalance(stage.port, SETTLED_MS);
  await gateway.kill();
}

/** Has a log grow, and spoils the beginning of its file. */
async function damaged(stage: Stage, audit: Audit, log: string): Promise<void> {
  const gateway = await stage.start(audit.config, { ADMIN_TOKEN });
  const before = audit.sent();
  await until(() => audit.sent() > before, MET_MS);
  await gateway.kill();
  const file = openSync(join(log, 'data.mdb'), 'r+');
  writeSync(file, Buffer.alloc(SPOILT_BYTES, 0xff), 0, SPOILT_BYTES, 0);
  closeSync(file);
}

/** Starts a gateway and waits until it has killed itself; false where it never came to the point. */
async function death(
  { needs }: Point,
  stage: Stage,
  { config }: Audit,
  environment: Readonly<Record<string, string>>,
): Promise<boolean> {
  const file = join(stage.files, 'died');
  rmSync(file, { force: true });
  const died = () => existsSync(file);
  try {
    const gateway = await stage.start(config, { ...environment, DIED_AT: file });
    const operator = operatorOf(stage.port);
    if (needs === 'redrive') await operator.redrive().catch(() => {});
    if (needs === 'replay') await operator.replay().catch(() => {});
    await until(died, MET_MS).catch(() => {});
    await gateway.kill();
  } catch (error) {
    // Dead before it was ready.
    if (!died()) throw error;
  }
  console.log(`${environment.DIE_AT}: ${died() ? 'died' : 'not met'}`);
  return died();
}

const met = ({ met: all, missed }: Deaths, expected: number): Finding => ({
  ...none('MISSED', 'points that the gateway never came to', missed),
  name: 'MET',
  meaning: missed.length === 0 ? 'deaths, at every point' : `deaths, expected ${expected}`,
  count: all.length,
});
