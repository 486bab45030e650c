import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version of this software, from the nearest package.json above: the same from sources and from a build. */
export function version(): string {
  known ??= readVersion(import.meta.dirname);
  return known;
}

let known: string | undefined;

function readVersion(folder: string): string {
  const path = join(folder, 'package.json');
  if (existsSync(path)) return String(JSON.parse(readFileSync(path, 'utf8')).version);
  if (dirname(folder) === folder) throw new Error('expected a package.json above the sources, found none');
  return readVersion(dirname(folder));
}
