import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { built } from '../support/built.ts';
import { temporaryFolder } from '../support/folder.ts';
import { atOnce } from './at-once.ts';
import { keep } from './kept.ts';
import { type Playing, playedApart } from './player.ts';
import { exitCode, machine, type Row, summaryTable } from './report.ts';
import { type Act, long, short } from './sets.ts';

/**
 * Tries to lose an event: plays scenarios, each in a process of its own, and ends with a table of verdicts.
 *
 *   npm run chaos                                       the short set
 *   npm run chaos -- --long                             the long one
 *   npm run chaos -- --long --only kill,power --write   some of it, with the tables of test/chaos/README.md made anew
 *   npm run chaos -- kill --minutes 5 --seed 42         one scenario, with arguments of its own
 *
 * Exit code 0 if everything passed. A scenario that this machine cannot play counts as not run, never as passed: exit code 2, and 1
 * where one failed.
 */
const [first] = process.argv.slice(2);
if (first !== undefined && !first.startsWith('-')) await playOne(first, process.argv.slice(3));
else await playSet();

/** An act that hangs is ended, and has failed. */
function limitOf(set: readonly Act[]): number {
  return set === long ? 2 * 3_600_000 : 10 * 60_000;
}

/** Hands over to the scenario: what it prints and how it ends is ours. */
async function playOne(scenario: string, options: readonly string[]): Promise<void> {
  const file = join(import.meta.dirname, `${scenario}.ts`);
  if (![...short, ...long].some((act) => act.scenario === scenario)) {
    const names = [...new Set([...short, ...long].map((act) => act.scenario))].join(', ');
    console.error(`The scenario must be one of ${names}, got ${scenario}.`);
    process.exit(1);
  }
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...options], { stdio: 'inherit' });
  process.once('exit', () => child.kill('SIGTERM'));
  process.exitCode = await new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

async function playSet(): Promise<void> {
  const { values } = parseArgs({
    options: {
      long: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      /** The gateway's main.js; built from the sources if absent. */
      entry: { type: 'string' },
      /** How many are played at the same time, where nothing is measured. */
      'at-once': { type: 'string', default: '2' },
      /** Only those scenarios, separated by commas. */
      only: { type: 'string' },
      /** Of those only the acts whose arguments or words hold this. */
      match: { type: 'string', default: '' },
      /** Writes the tables of test/chaos/README.md: each act in place of its last run. */
      write: { type: 'boolean', default: false },
    },
  });
  const set = values.long ? long : short;
  const only = values.only?.split(',');
  const matches = ({ about, with: options = '' }: Act) => `${about} ${options}`.includes(values.match);
  const acts = set.filter((act) => (only?.includes(act.scenario) ?? true) && matches(act));
  const entry = values.entry ?? built();
  const temporary = temporaryFolder();
  const rows = new Map<Act, Row>();
  const madeOf = machine();
  const next = async (act: Act): Promise<void> => {
    // By its place, since a scenario may stand in a set several times.
    const path = join(temporary.path, `${act.scenario}-${acts.indexOf(act)}`);
    const row = { ...(await played(act, values.seed, entry, { path, limitMs: limitOf(set) })), ...madeOf };
    rows.set(act, row);
    console.log(progress(rows.size, acts.length, row));
    // At once: a run of hours may be ended before its end.
    if (values.write) keep(values.long ? 'long' : 'short', row);
  };
  await atOnce(
    acts.filter(({ alone }) => !alone),
    Number(values['at-once']),
    next,
  );
  for (const act of acts.filter(({ alone }) => alone)) await next(act);
  const inOrder = acts.flatMap((act) => rows.get(act) ?? []);
  console.log(`\n${summaryTable(inOrder, process.stdout.isTTY)}`);
  temporary.remove();
  process.exitCode = exitCode(inOrder);
}

async function played(
  act: Act,
  seed: string,
  entry: string,
  { path, limitMs }: Required<Pick<Playing, 'path' | 'limitMs'>>,
): Promise<Omit<Row, keyof ReturnType<typeof machine>>> {
  const begin = performance.now();
  const options = ['--seed', seed, '--entry', entry, ...(act.with?.split(' ') ?? [])];
  const told = await playedApart(act.scenario, { options, path, limitMs });
  if (told.verdict === 'failed') console.log(readFileSync(`${path}.log`, 'utf8').slice(-8000));
  return { act, seed, ...told, seconds: (performance.now() - begin) / 1000 };
}

function progress(done: number, of: number, { act, verdict, seconds }: Row): string {
  return `${done}/${of} ${verdict}: ${act.scenario}, ${act.about} (${seconds.toFixed(0)} s)`;
}
