import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { atOnce } from './at-once.ts';
import { copyBuild } from './build-copy.ts';
import type { Finding } from './findings.ts';
import { NotRun } from './not-run.ts';
import { audits } from './saboteurs/audits.ts';
import { bookkeepers, droppers, muddlers, nuisances } from './saboteurs/droppers.ts';
import { liars, unsynced } from './saboteurs/liars.ts';
import type { AuditName, Saboteur } from './saboteurs/saboteur.ts';
import { stoppers, undoers } from './saboteurs/undoers.ts';
import { caught, honest, type Trial } from './saboteurs/verdict.ts';
import { commonOptions, judged } from './scenario.ts';

/**
 * Whether the audits have teeth: gateways that lose, drop, cross or miscount events are put through them, each a copy of the build in which
 * one piece of code is another. Every one must be found out, by the finding that it should fail, and the honest build must pass the
 * same audits.
 *
 *   node --import tsx test/chaos/saboteurs.ts --seed 1 --only early-answer,no-sync
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    /** Only those saboteurs, separated by commas. */
    only: { type: 'string' },
    'at-once': { type: 'string', default: '5' },
  },
});

const all: readonly Saboteur[] = [
  ...unsynced,
  ...liars,
  ...droppers,
  ...nuisances,
  ...muddlers,
  ...bookkeepers,
  ...stoppers,
  ...undoers,
];

await judged(values, async (folder, entry) => {
  const only = values.only?.split(',');
  const chosen = all.filter(({ name }) => only?.includes(name) ?? true);
  if (chosen.length === 0)
    throw new Error(`--only must name some of ${all.map(({ name }) => name).join(', ')}, got ${values.only}`);
  // All copies are made first: what has changed in the sources is known at once.
  const builds = new Map(chosen.map((one) => [one, copyBuild(entry, made(folder, `build-${one.name}`), one.changes)]));
  const names = [...new Set(chosen.map(({ audit }) => audit))];
  const results = new Map<AuditName | Saboteur, Trial>();
  const trials = [...names, ...chosen].sort((a, b) => slowness(b) - slowness(a));
  const play = async (trial: AuditName | Saboteur): Promise<void> => {
    const build = builds.get(trial as Saboteur) ?? entry;
    const result = await tried(trial, folder, build);
    // What it does may not show by chance: a crash may come just after a sync. Then one more trial, at other moments.
    const wentFree = typeof trial !== 'string' && result.verdict !== 'not run' && !caught(trial, result).passed;
    results.set(trial, wentFree ? await tried(trial, folder, build, 'again') : result);
  };
  await atOnce(
    trials.filter((trial) => !isTimed(trial)),
    Number(values['at-once']),
    play,
  );
  // Alone: their attackers have the least priority, and would not get to attack beside other trials.
  for (const trial of trials.filter(isTimed)) await play(trial);
  const trialOf = (key: AuditName | Saboteur) => results.get(key) as Trial;
  const findings = [
    ...names.map((name) => honest(name, trialOf(name))),
    ...chosen.map((saboteur) => caught(saboteur, trialOf(saboteur))),
  ];
  refuseGaps(findings, [...results.values()]);
  return findings;
});

/** Whether the audit compares how long a shopper waits with and without an attack. */
function isTimed(trial: AuditName | Saboteur): boolean {
  return ['dust', 'pipelines', 'shutout'].includes(typeof trial === 'string' ? trial : trial.audit);
}

async function tried(trial: AuditName | Saboteur, folder: string, entry: string, again?: 'again'): Promise<Trial> {
  const begin = performance.now();
  const [name, audit] = typeof trial === 'string' ? [`honest ${trial}`, trial] : [trial.name, trial.audit];
  const own = made(folder, ['trial', ...name.split(' '), ...(again ? [again] : [])].join('-'));
  const seed = Number(values.seed) + (again ? 1 : 0);
  const result = await audits[audit]({ folder: own, entry, seed }).catch((error: unknown): Trial => {
    const why = error instanceof Error ? `${error.stack}` : String(error);
    return { verdict: error instanceof NotRun ? 'not run' : 'failed', why, findings: [] };
  });
  console.log(`${name}: ${result.verdict} after ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  return result;
}

/** The longest go first, so that none of them is left for the end. */
function slowness(trial: AuditName | Saboteur): number {
  const quickest: readonly AuditName[] = ['books', 'kill', 'power', 'kill on PostgreSQL', 'crash of PostgreSQL'];
  return quickest.indexOf(typeof trial === 'string' ? trial : trial.audit);
}

/** Where some audit cannot be played here and nothing else is wrong, the whole was not run. */
function refuseGaps(findings: readonly Finding[], trials: readonly Trial[]): void {
  const gap = trials.find(({ verdict }) => verdict === 'not run');
  if (gap !== undefined && findings.every(({ passed, name }) => passed || name === 'NOT RUN'))
    throw new NotRun(gap.why ?? 'an audit cannot be played here');
}

function made(...path: [string, string]): string {
  const folder = join(...path);
  mkdirSync(folder);
  return folder;
}
