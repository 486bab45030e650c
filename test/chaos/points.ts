import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { atOnce } from './at-once.ts';
import { copyBuild } from './build-copy.ts';
import { type Finding, none } from './findings.ts';
import { pointsOf } from './points/catalogue.ts';
import { deadly, type Point } from './points/point.ts';
import { dieAt } from './points/run.ts';
import { summed } from './rounds.ts';
import { judged, logOptions, onStage } from './scenario.ts';

/**
 * The gateway kills itself at named points of its code: after it has parsed, between the puts of a commit, after a destination has
 * answered and before that is saved, and so on. Each time it is started again on the same log, under load. Every point must be met, and
 * in the end nothing may be lost.
 *
 *   node --import tsx test/chaos/points.ts --rounds 1 --seed 1 --log postgres --only sent,saving
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** How often each point is died at. */
    rounds: { type: 'string', default: '1' },
    /** Only those points, separated by commas. */
    only: { type: 'string' },
    'ready-seconds': { type: 'string', default: '3' },
    /** How many parts are played at the same time, each with a log of its own. */
    'at-once': { type: 'string', default: '2' },
  },
});

/** If one part has many points, they are spread over this many logs. */
const MOST = 8;
const BROKEN = 'BROKEN';
const rounds = Number(values.rounds);

await judged(values, async (folder, entry) => {
  const only = values.only?.split(',');
  const known = pointsOf(values.log);
  const chosen = known.filter(({ name }) => only?.includes(name) ?? true);
  if (chosen.length === 0)
    throw new Error(`--only must name some of ${known.map(({ name }) => name).join(', ')}, got ${values.only}`);
  const build = made(folder, 'build');
  const changes = [...deadly, ...known.map(({ change }) => change)];
  const copy = copyBuild(entry, build, changes);
  const parts = partsOf(chosen);
  const findings = new Map<Part, readonly Finding[]>();
  await atOnce(parts, Number(values['at-once']), async (part) =>
    findings.set(part, await played(part, made(folder, part.name), copy)),
  );
  const all = parts.map((part) => findings.get(part) ?? []);
  return [...all.flatMap(broken), ...summed(all.filter((one) => broken(one).length === 0))];
});

function broken(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ name }) => name === BROKEN);
}

interface Part {
  readonly name: string;
  readonly stage: Point['stage'];
  readonly points: readonly Point[];
  /** How often each is died at, and the number of the first. */
  readonly rounds: number;
  readonly round: number;
}

function partsOf(points: readonly Point[]): Part[] {
  return (['operator', 'load', 'restore', 'trim'] as const).flatMap((stage) => {
    const here = points.filter((point) => point.stage === stage);
    // What an operator asks for comes in an order.
    const size = stage === 'load' ? Math.ceil(here.length / Math.ceil(here.length / MOST)) : here.length;
    const parts = Math.ceil(here.length / Math.max(1, size));
    // What an operator asks for can be asked for once on each log.
    const [logs, each] = stage === 'operator' ? [rounds, 1] : [1, rounds];
    return Array.from({ length: parts * logs }, (_, number) => ({
      name: `${stage}-${number + 1}`,
      stage,
      points: here.slice((number % parts) * size, ((number % parts) + 1) * size),
      rounds: each,
      round: Math.floor(number / Math.max(1, parts)),
    }));
  });
}

async function played(
  { name, stage: kind, points, rounds: each, round }: Part,
  folder: string,
  entry: string,
): Promise<Finding[]> {
  const options = {
    kind,
    log: join(folder, 'log'),
    seed: Number(values.seed) + round,
    rounds: each,
    readySeconds: Number(values['ready-seconds']),
    // Days of a database that events still come into cannot be dropped.
    environment: kind === 'trim' ? { TRIM: values.log === 'lmdb' ? 'all' : 'often' } : {},
  };
  const begin = performance.now();
  // The other parts go on where one breaks off.
  const findings = await onStage(folder, entry, values.log, (stage) => dieAt(points, stage, options)).catch(
    (error: unknown) => [
      none(BROKEN, 'a part that broke off', [error instanceof Error ? `${error.stack}` : `${error}`]),
    ],
  );
  console.log(`${name}: ${points.length} points in ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  return findings.map((finding) => ({
    ...finding,
    ...(finding.passed ? {} : { meaning: `${name}: ${finding.meaning}` }),
  }));
}

function made(...path: [string, string]): string {
  const folder = join(...path);
  mkdirSync(folder);
  return folder;
}
