import { spawn } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import { temporaryFolder } from '../support/folder.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { HOME_NAME } from '../support/postgres-home.ts';
import { SHARED } from '../support/postgres-shared.ts';
import { until } from '../support/until.ts';

/** What all test files of a run share. */
export interface Place {
  /** For temporary files. It is removed with all that the tests have left in it. */
  readonly folder: string;
  /** One PostgreSQL, started when it is first asked for, without fsync. */
  postgres(): Promise<string>;
  close(): Promise<void>;
}

/**
 * Waits for this process to end, however that happens: its input is a pipe that only we hold. PostgreSQLs have shells of their own, which
 * need what is in their folders; then it removes the rest.
 */
const WATCH = `
trap '' HUP INT TERM
cat >/dev/null
tries=0
while ls -d "$1"/${HOME_NAME}* && [ $tries -lt 200 ]; do sleep 0.1; tries=$((tries + 1)); done
rm -rf "$1"
`;

function watch(folder: string): void {
  const shell = spawn('/bin/sh', ['-c', WATCH, 'sh', folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
}

export function openPlace(): Place {
  const folder = temporaryFolder();
  // A PostgreSQL in it may run under another account.
  chmodSync(folder.path, 0o755);
  watch(folder.path);
  let shared: Promise<Postgres> | undefined;
  return {
    folder: folder.path,
    async postgres() {
      shared ??= startPostgres(SHARED);
      return (await shared).url('postgres');
    },
    async close() {
      await (await shared)?.stop();
      // Those of the test processes end when their process has ended, and remove their own data.
      const homes = () => readdirSync(folder.path).filter((name) => name.startsWith(HOME_NAME));
      await until(() => homes().length === 0).catch(() => {});
      folder.remove();
    },
  };
}
