import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const project = resolve(import.meta.dirname, '../..');
let entry: string | undefined;

/**
 * Builds the project, once in a process, so that what runs is what the sources say, and gives the path of the gateway's main file. It
 * starts in a third of the time that the sources take.
 */
export function built(): string {
  entry ??= build();
  return entry;
}

function build(): string {
  const { status, stdout, stderr } = spawnSync('npm', ['run', 'build', '--silent'], { cwd: project, encoding: 'utf8' });
  const main = join(project, 'dist/server/main.js');
  if (status !== 0 || !existsSync(main))
    throw new Error(`expected \`npm run build\` to give ${main}, got: ${stdout}${stderr}`);
  return main;
}
