import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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

/** In this order none is left alone at the end. A file that has not run yet counts a millisecond for each of its bytes. */
export function longestFirst(files: readonly string[], times: Times): string[] {
  const ms = new Map(files.map((file) => [file, times[file] ?? statSync(join('test', file)).size]));
  return [...files].sort((a, b) => (ms.get(b) ?? 0) - (ms.get(a) ?? 0) || a.localeCompare(b));
}

export const readTimes = (path: string): Times =>
  existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Times) : {};

/** Keeps what is known of files that did not run now. */
export function saveTimes(path: string, times: Times): void {
  writeFileSync(path, JSON.stringify({ ...readTimes(path), ...times }));
}
