import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import * as assert from 'uvu/assert';
import { compiled } from './built.ts';
import { describe } from './describe.ts';
import { temporaryFolder } from './folder.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { canMount, startPostgresOnSmallDisk } from './postgres-disk.ts';
import { startStandby } from './postgres-standby.ts';
import { alive, family } from './processes.ts';
import { until } from './until.ts';

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: Error) => error.message,
  );

const rowsIn = async (postgres: Postgres, database: string): Promise<number[]> =>
  (await postgres.query<{ id: number }>(database, 'SELECT id FROM kept ORDER BY id')).map(({ id }) => id);

async function withTable(postgres: Postgres): Promise<string> {
  const database = await postgres.createDatabase();
  await postgres.query(database, 'CREATE TABLE kept (id int, filling text)');
  await postgres.query(database, 'INSERT INTO kept VALUES ($1)', [1]);
  return database;
}

async function connected(url: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: name });
  client.on('error', () => {});
  await client.connect();
  return client;
}

const lockOf = (data: string): string[] => readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
const postmasterOf = ({ data }: Postgres): number => Number(lockOf(data)[0]);

/** The segments of System V's shared memory, where the system lists them in a file. */
const segments = (): string => (existsSync('/proc/sysvipc/shm') ? readFileSync('/proc/sysvipc/shm', 'utf8') : '');
const segmentOf = ({ data }: Postgres): RegExp =>
  new RegExp(`^ *\\d+ +${lockOf(data)[6]?.trim().split(/\s+/)[1]} `, 'm');

describe('postgres', ({ it, before, after }) => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres({ settings: { work_mem: '1MB' } });
  });
  after(() => postgres.stop());

  it('has the settings asked for, and otherwise writes to disk before it answers', async () => {
    const sql = `SELECT current_setting('work_mem') AS memory, current_setting('fsync') AS fsync,
      current_setting('synchronous_commit') AS commit, current_setting('server_encoding') AS encoding`;
    assert.equal(await postgres.query('postgres', sql), [
      { memory: '1MB', fsync: 'on', commit: 'on', encoding: 'UTF8' },
    ]);
  });

  it('gives every caller a database of its own', async () => {
    const [one, other] = await Promise.all([withTable(postgres), postgres.createDatabase()]);
    assert.equal(await rowsIn(postgres, one), [1]);
    assert.match(await messageOf(rowsIn(postgres, other)), 'relation "kept" does not exist');
  });

  it('keeps what was committed through a crash, on the same port', async () => {
    const database = await withTable(postgres);
    const open = await connected(database, 'unfinished');
    await open.query('BEGIN');
    await open.query('INSERT INTO kept VALUES (2)');
    const processes = family(postmasterOf(postgres));
    assert.ok(processes.length > 4);
    await postgres.kill();
    assert.equal(alive(processes), []);
    assert.match(await messageOf(rowsIn(postgres, database)), 'ECONNREFUSED');
    await postgres.start();
    assert.equal(await rowsIn(postgres, database), [1]);
    assert.match(postgres.log(), 'automatic recovery in progress');
  });

  it('is away in an orderly manner, and back', async () => {
    const database = await withTable(postgres);
    await postgres.shutDown();
    assert.match(await messageOf(rowsIn(postgres, database)), 'ECONNREFUSED');
    await postgres.restart();
    assert.equal(await rowsIn(postgres, database), [1]);
  });

  it('answers nothing while it is paused, and goes on where it was', async () => {
    const client = await connected(await withTable(postgres), 'waiting');
    postgres.pause();
    let answered = false;
    const answer = client.query('SELECT 1').then(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.not(answered);
    postgres.resume();
    await answer;
    await client.end();
  });

  it('counts connections by name, and cuts those of one database', async () => {
    const [database, other] = [await postgres.createDatabase(), await postgres.createDatabase()];
    const clients = await Promise.all(['web', 'web', 'worker'].map((name) => connected(database, name)));
    const neighbour = await connected(other, 'neighbour');
    assert.equal(await postgres.connections(database), { web: 2, worker: 1 });
    assert.is(await postgres.cutConnections(database), 3);
    for (const client of clients) assert.match(await messageOf(client.query('SELECT 1')), /terminat|not queryable/);
    await until(async () => Object.keys(await postgres.connections(database)).length === 0);
    assert.equal(await postgres.connections(other), { neighbour: 1 });
    await neighbour.end();
  });

  it('says what it printed when it cannot start, and leaves nothing', async () => {
    const message = await messageOf(startPostgres({ settings: { wal_level: 'nonsense' } }));
    assert.match(message, 'invalid value for parameter "wal_level": "nonsense"');
    const folder = /"(\S+)\/data\/postgresql\.conf"/.exec(message)?.[1] ?? '';
    assert.is(dirname(folder), dirname(dirname(postgres.data)));
    assert.not(existsSync(folder));
  });

  it('is gone with its process and data when it is stopped, even after a crash or while paused', async () => {
    for (const first of ['kill', 'pause'] as const) {
      const short = await startPostgres();
      const [processes, segment] = [family(postmasterOf(short)), segmentOf(short)];
      if (segments()) assert.match(segments(), segment);
      await short[first]();
      await short.stop();
      assert.equal(alive(processes), []);
      assert.not.match(segments(), segment);
      assert.not(existsSync(dirname(short.data)));
    }
  });
});

describe('a synchronous standby', ({ it }) => {
  it('has all that was answered when it takes the place of a primary that crashed', async () => {
    const primary = await startPostgres();
    const database = await withTable(primary);
    const standby = await startStandby(primary);

    standby.pause();
    let committed = false;
    const commit = primary.query(database, 'INSERT INTO kept VALUES (2)').then(() => {
      committed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.not(committed);
    standby.resume();
    await commit;
    assert.match(await messageOf(standby.query(database, 'DELETE FROM kept')), 'read-only transaction');

    await primary.kill();
    const successor = await standby.takeOver();
    assert.is(successor.url(database), database);
    await successor.query(database, 'INSERT INTO kept VALUES (3)');
    assert.equal(await rowsIn(successor, database), [1, 2, 3]);
    for (const each of [successor, standby, primary]) await each.stop();
  });
});

describe('a full disk', ({ it: always, skip }) => {
  const it: typeof always = canMount()
    ? always
    : (promise) => skip(promise, 'mounting needs root, or sudo without a password, and is not allowed here');

  it('fails what needs room, and no more once there is room', async () => {
    const postgres = await startPostgresOnSmallDisk();
    const database = await withTable(postgres);
    const grow = () =>
      postgres.query(database, `INSERT INTO kept SELECT 2, repeat('x', 1000) FROM generate_series(1, 1000)`);
    postgres.fillDisk();
    assert.match(await messageOf(grow()), 'No space left on device');
    postgres.freeDisk();
    await grow();
    await postgres.stop();
    assert.not(existsSync(dirname(postgres.data)));
  });

  it('ends it when the write-ahead log needs room, and it starts again with what was committed', async () => {
    const postgres = await startPostgresOnSmallDisk();
    const database = await withTable(postgres);
    postgres.fillDisk();
    await until(async () => {
      await messageOf(postgres.query(database, 'SELECT pg_switch_wal()'));
      await messageOf(postgres.query(database, 'INSERT INTO kept VALUES (1)'));
      return postgres.log().includes('PANIC');
    });
    postgres.freeDisk();
    await postgres.start();
    assert.is((await rowsIn(postgres, database))[0], 1);
    await postgres.stop();
  });
});

describe('a run of tests that is killed', ({ it, after }) => {
  const folder = temporaryFolder();
  after(folder.remove);

  it('takes its PostgreSQL and all folders along', async () => {
    const harness = pathToFileURL(compiled('test/support/postgres.ts')).href;
    const script = join(folder.path, 'run.mjs');
    writeFileSync(
      script,
      `import { startPostgres } from '${harness}';
       const { data } = await startPostgres();
       console.log(data);
       setInterval(() => {}, 1000);`,
    );
    const run = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const data = await new Promise<string>((resolve) => run.stdout.once('data', (line) => resolve(`${line}`.trim())));
    const processes = family(Number(lockOf(data)[0]));
    // Not all of them: a connection's may have ended meanwhile.
    assert.ok(alive(processes).length > 1);
    run.kill('SIGKILL');
    await until(() => alive(processes).length === 0 && !existsSync(dirname(dirname(data))));
  });
});
