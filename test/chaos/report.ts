import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import type { Result } from './scenario.ts';
import type { Act } from './sets.ts';

/** What became of one act of a set. */
export interface Row extends Result {
  readonly act: Act;
  readonly seed: string;
  readonly seconds: number;
  readonly commit: string;
  readonly machine: string;
}

/** Where and of what a run is made: the commit, with a + where sources differ from it. To be asked before the run: it may last longer than the commit. */
export function machine(): Pick<Row, 'commit' | 'machine'> {
  const git = (...words: string[]) => execFileSync('git', words, { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--', '*.ts') === '' ? '' : '+';
  const gigabytes = Math.round(totalmem() / 1024 ** 3);
  return {
    commit: `${git('rev-parse', '--short', 'HEAD')}${changed}`,
    machine: `${cpus().length} cores, ${gigabytes} GB, Node ${process.versions.node}`,
  };
}

const RED = '\x1b[1;31m';
const GREEN = '\x1b[32m';
const PLAIN = '\x1b[0m';

/** The table at the end of a run. What did not pass is red where the terminal has colours. */
export function summaryTable(rows: readonly Row[], colours: boolean): string {
  const word = ({ verdict }: Row) => (verdict === 'passed' ? 'passed' : verdict.toUpperCase());
  const coloured = (row: Row) =>
    colours ? `${row.verdict === 'passed' ? GREEN : RED}${word(row)}${PLAIN}` : word(row);
  const count = (wanted: Row['verdict']) => rows.filter(({ verdict }) => verdict === wanted).length;
  return [
    '| scenario | what happens | verdict | figures | seconds |',
    '|---|---|---|---|---|',
    ...rows.map(
      (row) =>
        `| ${row.act.scenario} | ${row.act.about} | ${coloured(row)} | ${figures(row)} | ${row.seconds.toFixed(0)} |`,
    ),
    '',
    `${count('passed')} passed, ${count('failed')} failed, ${count('not run')} not run`,
  ].join('\n');
}

/** 0 if everything passed, 1 where something failed, 2 where this machine could not play something. */
export function exitCode(rows: readonly Pick<Row, 'verdict'>[]): 0 | 1 | 2 {
  const verdicts = rows.map(({ verdict }) => verdict);
  if (rows.length === 0 || verdicts.includes('failed')) return 1;
  return verdicts.includes('not run') ? 2 : 0;
}

/** What failed with its examples, or what was found and measured. */
export function figures({ act, why, findings }: Row): string {
  if (why !== undefined) return cell(why.slice(0, 200));
  const failed = findings.filter(({ passed }) => !passed);
  if (failed.length > 0)
    return cell(failed.map(({ name, count, meaning }) => `${name} ${count}: ${meaning}`).join('; '));
  const shown = findings.filter(({ name, count }) => act.shows?.includes(name) ?? (count !== 0 || ALWAYS.has(name)));
  return cell(shown.map(({ name, count }) => `${name} ${count}`).join(', '));
}

/** What there must be none of is worth saying. */
const ALWAYS: ReadonlySet<string> = new Set(
  'LOST CROSSED CORRUPT ORDER UNEXPLAINED BALANCE LEAK SUPPRESSED'.split(' '),
);

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
