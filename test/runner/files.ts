import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How many milliseconds each file took when it last ran. */
export type Times = Readonly<Record<string, number>>;

/** The test files of a kind, as paths below test/, whose path has one of these parts. Throws where there is none. */
export function filesOf(kind: string, parts: readonly string[]): string[] {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith(`.${kind}.ts`),
  );
  const chosen = files.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
  if (chosen.length > 0) return chosen;
  const some = files.slice(0, 3).join(', ') || 'none';
  throw new Error(
    `test: must name a part of the path of a file *.${kind}.ts, got ${parts.join(', ') || 'nothing'}; there are ${files.length}: ${some}${files.length > 3 ? ', …' : ''}`,
  );
}

/** What a file imports that starts the gateway as processes of its own. */
const STARTS_PROCESSES = /from '[./]+(?:support\/main|support\/built|stage)\.ts'/;
const OF_PROCESSES_MS = 100_000;

/**
 * In this order none is left alone at the end. A file that has not run yet counts a millisecond for each byte of it and of its contracts;
 * those that start processes take longest, whatever their size.
 */
export function longestFirst(files: readonly string[], times: Times): string[] {
  const ms = new Map(files.map((file) => [file, times[file] ?? guessMs(join('test', file))]));
  return [...files].sort((a, b) => (ms.get(b) ?? 0) - (ms.get(a) ?? 0) || a.localeCompare(b));
}

function guessMs(path: string): number {
  const text = readFileSync(path, 'utf8');
  const contracts = [...text.matchAll(/from '(\.[^']*\/contracts\/[^']+)'/g)].map(([, from = '']) =>
    join(dirname(path), from),
  );
  const startsMs = STARTS_PROCESSES.test(text) ? OF_PROCESSES_MS : 0;
  return contracts.reduce((bytes, contract) => bytes + statSync(contract).size, text.length) + startsMs;
}

export const readTimes = (path: string): Times =>
  existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Times) : {};

/** Keeps what is known of files that did not run now. */
export function saveTimes(path: string, times: Times): void {
  writeFileSync(path, JSON.stringify({ ...readTimes(path), ...times }));
}
