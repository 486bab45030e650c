import { spawn } from 'node:child_process';
import { accessSync, chmodSync, chownSync, existsSync, mkdirSync, renameSync, statfsSync } from 'node:fs';
import { constants, copyFile, lchown, mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from './folder.ts';
import { type Binaries, execute, postgresBinaries } from './postgres-binaries.ts';

/** How the names of the folders begin in which PostgreSQLs live. */
export const HOME_NAME = 'postgres-';
const MEMORY_FOLDER = '/dev/shm';
/** Ten times what the databases of a run take. */
const MEMORY_BYTES = 2 * 1024 ** 3;

/** Where all PostgreSQLs of this process live. It vanishes with the process, however that ends. */
export interface Home extends Binaries {
  /** A fresh folder, open to the account PostgreSQL runs as. `inMemory`: in memory, if the machine has a place for that with room. */
  folder(inMemory?: boolean): string;
  /** A data folder as initdb made it, to copy and never to start. */
  readonly pristine: string;
}

/** One per process, since initdb takes a second and a copy of its work a tenth of that; of several at once it is made once. */
export function postgresHome(): Promise<Home> {
  home ??= makeHome();
  return home;
}

let home: Promise<Home> | undefined;

async function makeHome(): Promise<Home> {
  const path = watchedFolder(tmpdir());
  const binaries = await postgresBinaries(path);
  let folders = 0;
  let memory: string | undefined;
  const folder = (inMemory = false) => {
    if (inMemory) memory ??= hasMemoryFolder() ? watchedFolder(MEMORY_FOLDER) : path;
    const fresh = join(inMemory && memory ? memory : path, String(++folders));
    mkdirSync(fresh, { mode: 0o700 });
    if (binaries.account) chownSync(fresh, binaries.account.uid, binaries.account.gid);
    return fresh;
  };
  return { ...binaries, folder, pristine: await pristineIn(folder(), binaries) };
}

function watchedFolder(parent: string): string {
  const { path } = temporaryFolder(HOME_NAME, parent);
  watch(path);
  chmodSync(path, 0o755);
  return path;
}

function hasMemoryFolder(): boolean {
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    return bavail * bsize >= MEMORY_BYTES;
  } catch {
    return false;
  }
}

/** What initdb makes in the folder, or what another process of this run has made. */
async function pristineIn(folder: string, { initdb, account }: Binaries): Promise<string> {
  // Every process of a run has the run's folder for temporary files.
  const ofTheRun = process.send ? join(tmpdir(), 'pristine') : undefined;
  if (ofTheRun && existsSync(ofTheRun)) return join(ofTheRun, 'data');
  const pristine = join(folder, 'data');
  await execute(
    initdb,
    [
      `--pgdata=${pristine}`,
      '--no-sync',
      '--auth=trust',
      '--username=postgres',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
    ],
    account,
  );
  if (ofTheRun === undefined) return pristine;
  try {
    renameSync(folder, ofTheRun);
  } catch {
    // Another process was first.
    return pristine;
  }
  return join(ofTheRun, 'data');
}

/**
 * Copies a data folder, also of a PostgreSQL that writes to it: what vanishes meanwhile is left out. `skip` gets a
 * file's path below the folder.
 */
export async function copyData(
  from: string,
  to: string,
  { account, skip = () => false }: { account: Binaries['account']; skip?: (path: string) => boolean },
): Promise<void> {
  const copyFolder = async (path: string): Promise<void> => {
    await mkdir(join(to, path), { mode: 0o700, recursive: true });
    if (account) await lchown(join(to, path), account.uid, account.gid);
    const entries = await readdir(join(from, path), { withFileTypes: true });
    await Promise.all(
      entries.map((entry) => {
        const inside = join(path, entry.name);
        if (skip(inside)) return undefined;
        return entry.isDirectory() ? copyFolder(inside) : copyOne(inside).catch(ignoreVanished);
      }),
    );
  };
  const copyOne = async (path: string): Promise<void> => {
    await copyFile(join(from, path), join(to, path), constants.COPYFILE_FICLONE);
    if (account) await lchown(join(to, path), account.uid, account.gid);
  };
  await copyFolder('');
}

function ignoreVanished(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/**
 * A shell that waits for this process to end, by whatever signal: its input is a pipe that only we hold. Then it ends
 * every PostgreSQL that is left (`pid` holds its process) and removes the folder. The signal is the one for an immediate
 * shutdown, because the postmaster then takes its children and its shared memory along; those that do not answer, such
 * as stopped ones, it kills after 5 s. Its own file says when it has ended, also where nobody reaps orphans.
 */
const WATCH = `
trap '' HUP INT TERM
cat >/dev/null
for file in "$1"/*/pid; do kill -QUIT $(cat "$file") && kill -CONT $(cat "$file"); done
tries=0
for file in "$1"/*/pid; do
  while [ -e "\${file%pid}data/postmaster.pid" ] && [ $tries -lt 80 ]; do sleep 0.1; tries=$((tries + 1)); done
  pid=$(cat "$file")
  # On a dead disk that file is not seen: it had no time to end its children.
  kill -KILL $(cat "/proc/$pid/task/$pid/children") "$pid"
done
# Not "$1"/*/disk: a pattern does not find the top of a disk that is dead.
for folder in "$1"/*; do
  for disk in data disk; do umount -l "$folder/$disk" || sudo -n umount -l "$folder/$disk"; done
done
tries=0
until rm -rf "$1" || [ $tries -ge 20 ]; do sleep 0.1; tries=$((tries + 1)); done
`;

function watch(folder: string): void {
  // Detached: Ctrl-C in a terminal reaches the whole group of the tests, and would end the shell before its work.
  const shell = spawn('/bin/sh', ['-c', WATCH, 'sh', folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
}
