import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { project } from '../../support/built.ts';
import { NotRun } from '../not-run.ts';

/** The release whose logs must be read for ever. */
export const OLD = 'baa9e11';

/** Builds an earlier commit in an empty folder, with the compiler and the packages of today, and gives its main.js. Throws NotRun where the history does not have it. */
export function oldBuild(folder: string): string {
  const git = (...words: string[]) => spawnSync('git', words, { cwd: project, maxBuffer: 1 << 30 });
  if (git('cat-file', '-e', `${OLD}^{commit}`).status !== 0)
    throw new NotRun(`the git history here does not reach back to ${OLD}: fetch it (git fetch --unshallow)`);
  mkdirSync(folder);
  const { stdout } = git('archive', OLD, 'schemas', 'adapters', 'server', 'package.json', 'tsconfig.json');
  execFileSync('tar', ['-x', '-C', folder], { input: stdout });
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
  const settings = { extends: './tsconfig.json', include: ['schemas', 'adapters', 'server'] };
  writeFileSync(join(folder, 'tsconfig.old.json'), JSON.stringify(settings));
  const tsc = spawnSync(
    process.execPath,
    [join(project, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.old.json'],
    {
      cwd: folder,
    },
  );
  const main = join(folder, 'dist/server/main.js');
  if (!existsSync(main)) throw new Error(`expected ${OLD} to compile, it did not: ${tsc.stdout} ${tsc.stderr}`);
  return main;
}
