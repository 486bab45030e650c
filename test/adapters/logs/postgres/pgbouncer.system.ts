import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { LogUnusable } from '../../../../adapters/logs/log.ts';
import { openPostgres } from '../../../../adapters/logs/postgres/open.ts';
import { record, storeOptions } from '../../../contracts/log.ts';
import { describe } from '../../../support/describe.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { freePort } from '../../../support/ports.ts';
import { type Postgres, startPostgres } from '../../../support/postgres.ts';
import { until } from '../../../support/until.ts';

describe('a database behind PgBouncer', ({ it, before, after }) => {
  let postgres: Postgres;
  const folder = temporaryFolder();
  const running: ChildProcess[] = [];
  before(async () => {
    postgres = await startPostgres();
  });
  after(async () => {
    for (const one of running) one.kill('SIGKILL');
    await postgres.stop();
    folder.remove();
  });

  /** The URL of a database through a pooler of its own. */
  const through = async (mode: string, size: number): Promise<string> => {
    const [url, port] = [await postgres.createDatabase(), await freePort()];
    const [users, settings] = ['users.txt', `${port}.ini`].map((name) => join(folder.path, name)) as [string, string];
    writeFileSync(users, '"postgres" ""\n');
    writeFileSync(
      settings,
      `[databases]
* = host=127.0.0.1 port=${postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = ${mode}
default_pool_size = ${size}
`,
    );
    chmodSync(folder.path, 0o755);
    // It does not run as root.
    running.push(spawn('pgbouncer', ['-u', 'nobody', settings], { stdio: 'ignore' }));
    await until(
      () =>
        new Promise<boolean>((resolve) => {
          const socket = connect(port, '127.0.0.1', () => socket.end() && resolve(true));
          socket.on('error', () => resolve(false));
        }),
    );
    return `postgres://postgres@127.0.0.1:${port}${new URL(url).pathname}`;
  };

  for (const [mode, size] of [
    ['transaction', 1],
    ['transaction', 5],
    ['statement', 3],
  ] as const)
    it(`is refused where it hands ${size} sessions to each ${mode}`, async () => {
      await openPostgres(await through(mode, size), storeOptions()).then(
        () => assert.unreachable('it was opened'),
        (error: Error) => {
          assert.instance(error, LogUnusable);
          assert.match(error.message, /got a pooler that gives each transaction another session/);
        },
      );
    });

  it('is as good as the database itself where each client has a session', async () => {
    const store = await openPostgres(await through('session', 6), storeOptions());
    assert.equal(await store.log.append(record(['a'])), [{ kind: 'stored', position: 1 }]);
    await store.close();
  });
});
