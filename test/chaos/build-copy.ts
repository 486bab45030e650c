import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { project } from '../support/built.ts';

/** One piece of compiled JavaScript that another takes the place of. */
export interface Change {
  /** The compiled file, from the top of the build. */
  readonly file: string;
  /** It must be there exactly once, so that nobody changes the sources without noticing. */
  readonly piece: string;
  readonly by: string;
}

/** Copies the build that a main.js belongs to into an empty folder, changes some of it, and gives the copy's main.js. */
export function copyBuild(entry: string, folder: string, changes: readonly Change[] = []): string {
  const build = resolve(dirname(entry), '..');
  const copy = join(folder, 'dist');
  const needed = (path: string) => !path.endsWith('.map') && relative(build, path) !== 'test';
  cpSync(build, copy, { recursive: true, filter: needed });
  cpSync(join(project, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
  for (const change of changes) make(change, copy);
  return join(copy, 'server/main.js');
}

function make({ file, piece, by }: Change, build: string): void {
  const path = join(build, file);
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const times = text.split(piece).length - 1;
  if (times !== 1) throw new Error(`expected this once in the compiled ${file}, found it ${times} times:\n${piece}`);
  writeFileSync(
    path,
    text.replace(piece, () => by),
  );
}
