import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../scenario.ts';
import { books } from './books.ts';
import type { AuditName } from './saboteur.ts';

export interface AuditOptions {
  /** Empty, and kept by the caller. */
  readonly folder: string;
  /** The main.js to audit. */
  readonly entry: string;
  readonly seed: number;
}

/** Plays a build, honest or not, and gives what was found. */
export type AuditOf = (options: AuditOptions) => Promise<Result>;

/** The same audits as everywhere, in short form. How long destinations may take to catch up is how long a loss is waited for. */
export const audits: Readonly<Record<AuditName, AuditOf>> = {
  books: async (options) => {
    const findings = await books(options);
    return { verdict: findings.every(({ passed }) => passed) ? 'passed' : 'failed', findings };
  },
  kill: scenario('kill', '--kills 2 --seconds 4 --rate 2500 --least-acked 300 --quiet-seconds 10'),
  // A pipeline whose process was killed is taken up again when its lease has run out, after six seconds.
  'kill on PostgreSQL': scenario(
    'kill',
    '--log postgres --kills 1 --seconds 3 --rate 1500 --least-acked 300 --quiet-seconds 20',
  ),
  'crash of PostgreSQL': scenario('database', '--fault kill --seconds 8 --quiet-seconds 12'),
  power: scenario('power', '--cuts 1 --rounds 1 --seconds-each 2 --rate 2000 --least-acked 300 --quiet-seconds 10'),
};

/** None takes a minute; one that has not ended by then never will. */
const LATE_MS = 240_000;

/** Plays a scenario in a process of its own. */
function scenario(name: string, options: string): AuditOf {
  const file = join(import.meta.dirname, `../${name}.ts`);
  return async ({ folder, entry, seed }) => {
    const [output, result] = [join(folder, 'output.log'), join(folder, 'result.json')];
    const fixed = ['--entry', entry, '--seed', String(seed), '--result', result];
    const printed = openSync(output, 'a');
    const child = spawn(process.execPath, ['--import', 'tsx', file, ...fixed, ...options.split(' ').filter(Boolean)], {
      stdio: ['ignore', printed, printed],
    });
    // It ends its own processes then.
    const end = () => void child.kill('SIGTERM');
    process.once('exit', end);
    const late = setTimeout(end, LATE_MS);
    await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(late);
    process.removeListener('exit', end);
    if (existsSync(result)) return JSON.parse(readFileSync(result, 'utf8')) as Result;
    const why = `it ended without a result: ${readFileSync(output, 'utf8').slice(-2000)}`;
    return { verdict: 'failed', why, findings: [] };
  };
}
