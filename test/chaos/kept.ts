import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { withPart } from '../support/readme.ts';
import { figures, type Row } from './report.ts';
import { type Act, long, short } from './sets.ts';

const sets = { long, short };

/** What is kept of the last run of an act. */
export interface Kept {
  readonly set: keyof typeof sets;
  readonly scenario: string;
  readonly about: string;
  /** Its arguments. */
  readonly with?: string;
  readonly verdict: Row['verdict'];
  readonly figures: string;
  readonly seconds: number;
  readonly seed: string;
  readonly commit: string;
  readonly machine: string;
}

/** Writes down how an act ended, in place of its last run, and renews the tables of the page. */
export function keep(set: Kept['set'], row: Row): void {
  const path = 'test/chaos/last-run.json';
  const before: Kept[] = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];
  const { verdict, seconds, seed, commit, machine } = row;
  const { scenario, about, with: options } = row.act;
  const act = { scenario, about, ...(options !== undefined && { with: options }) };
  const now: Kept = { set, ...act, verdict, figures: figures(row), seconds, seed, commit, machine };
  const kept = inOrder([...before, now]);
  writeFileSync(path, `${JSON.stringify(kept, null, 2)}\n`);
  const page = 'test/chaos/README.md';
  writeFileSync(page, withPart(readFileSync(page, 'utf8'), 'chaos', keptTables(kept)));
}

/** The last of each act that the sets still have, with the same arguments, in their order. */
const inOrder = (kept: readonly Kept[]): Kept[] =>
  (['long', 'short'] as const).flatMap((set) => sets[set].flatMap((act) => lastOf(kept, set, act) ?? []));

function lastOf(kept: readonly Kept[], set: Kept['set'], act: Act): Kept | undefined {
  const { scenario, about, with: options } = act;
  return kept.findLast(
    (one) => one.set === set && one.scenario === scenario && one.about === about && one.with === options,
  );
}

/** A table for each set. Rows may be of different runs, and say of which; an act that was never played as it is says that. */
export function keptTables(kept: readonly Kept[]): string {
  const table = (set: Kept['set']) =>
    sets[set].map((act) => {
      const run = lastOf(kept, set, act);
      if (!run) return `| \`${act.scenario}\` | ${act.about} | not run yet | | | | |`;
      const { verdict, figures, seconds, seed, commit } = run;
      return `| \`${act.scenario}\` | ${act.about} | ${verdict} | ${figures} | ${(seconds / 60).toFixed(1)} | ${seed} | ${commit} |`;
    });
  const heading = (words: string) => [
    `| ${words} | what happens | verdict | figures | minutes | seed | commit |`,
    '|---|---|---|---|---|---|---|',
  ];
  return [
    ...heading('long'),
    ...table('long'),
    '',
    ...heading('short'),
    ...table('short'),
    '',
    `Machine: ${[...new Set(kept.map(({ machine }) => machine))].join('; ')}.`,
  ].join('\n');
}
