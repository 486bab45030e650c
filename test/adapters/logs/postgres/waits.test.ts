import { type AddressInfo, createServer } from 'node:net';
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { LogUnavailable } from '../../../../adapters/logs/log.ts';
import { PostgresCursors } from '../../../../adapters/logs/postgres/cursors.ts';
import { Connection } from '../../../../adapters/logs/postgres/database.ts';
import { Leases } from '../../../../adapters/logs/postgres/leases.ts';
import { migrate } from '../../../../adapters/logs/postgres/migrate.ts';
import { findRoom, openPostgres, whenConnected } from '../../../../adapters/logs/postgres/open.ts';
import { migrations } from '../../../../adapters/logs/postgres/schema.ts';
import { configOf } from '../../../../adapters/logs/postgres/url.ts';
import type { DatabaseTimeouts } from '../../../../adapters/logs/store.ts';
import { never, record, SHOP, storeOptions } from '../../../contracts/log.ts';
import { describe } from '../../../support/describe.ts';
import { type Postgres, startPostgres } from '../../../support/postgres.ts';
import type { Databases } from '../../../support/postgres-databases.ts';
import { sharedPostgres } from '../../../support/postgres-shared.ts';
import { until } from '../../../support/until.ts';

describe('a database that is away', ({ it, before, after }) => {
  let asked = 0;
  const server = createServer((socket) => {
    asked += 1;
    socket.on('error', () => {}).destroy();
  });
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  after(() => new Promise((resolve) => server.close(resolve)));

  it('is asked for a connection ten times a second at most', async () => {
    const { port } = server.address() as AddressInfo;
    const connection = new Connection(configOf(`postgres://postgres@127.0.0.1:${port}/gone`, false, 'faults'));
    const began = performance.now();
    for (const _ of [1, 2, 3, 4, 5])
      await connection.ask('select 1').then(
        () => assert.unreachable('it is away'),
        () => {},
      );
    const took = performance.now() - began;
    await connection.close();
    assert.is(asked, 5);
    // A timer may be a millisecond early.
    assert.ok(took >= 4 * 100 - 4, `${took} ms`);
  });
});

describe('a statement that waits for a lock', ({ it, before, after }) => {
  let postgres: Databases;
  let url = '';
  const connections: Connection[] = [];
  const usual = { queryMs: 8000, idleTransactionMs: 10_000 };
  const connect = (name: string, timeouts?: DatabaseTimeouts): Connection => {
    const connection = new Connection(configOf(url, false, name), { timeouts });
    connections.push(connection);
    return connection;
  };
  before(async () => {
    postgres = await sharedPostgres();
    url = await postgres.createDatabase();
    await postgres.query(url, 'create table rows (n int)');
    await postgres.query(url, 'insert into rows values (1)');
  });
  after(() => Promise.all(connections.map((one) => one.close())));

  it('is given up by the database too, so that nothing waits on for nobody', async () => {
    const [holder, waiter] = [connect('holder'), connect('waiter', { ...usual, queryMs: 2000 })];
    let waited: unknown;
    await holder.transaction(async (ask) => {
      await ask('select * from rows for update');
      waited = await waiter.ask('update rows set n = 2').catch((error: unknown) => error);
      await until(async () => (await postgres.connections(url)).waiter === undefined, 2000);
    });
    assert.instance(waited, LogUnavailable);
    assert.equal(await waiter.ask('select n from rows'), [{ n: 1 }]);
  });

  it('does not wait for a transaction of a process that stands still', async () => {
    const [holder, waiter] = [connect('frozen', { ...usual, idleTransactionMs: 1000 }), connect('waiter')];
    let thaw: (() => void) | undefined;
    const frozen = holder.transaction(async (ask) => {
      await ask('select * from rows for update');
      await new Promise<void>((resolve) => {
        thaw = resolve;
      });
    });
    await until(() => thaw !== undefined);
    await until(async () => (await waiter.ask('update rows set n = 3 returning n').catch(() => [])).length > 0, 18_000);
    thaw?.();
    await frozen.then(
      () => assert.unreachable('it lost its transaction'),
      (error: unknown) => assert.instance(error, LogUnavailable),
    );
  });
});

describe('a database without a connection left', ({ it, before, after }) => {
  let postgres: Postgres;
  let url = '';
  before(async () => {
    postgres = await startPostgres({
      settings: { max_connections: '5', superuser_reserved_connections: '0' },
      inMemory: true,
    });
    url = await postgres.createDatabase();
  });
  after(() => postgres.stop());
  const crowd = async (count: number): Promise<Connection[]> => {
    const connections = Array.from({ length: count }, () => new Connection(configOf(url, false, 'crowd')));
    // Sessions that were closed a moment ago may still count.
    await Promise.all(connections.map(({ ask }) => whenConnected(() => ask('select 1'), 5000)));
    return connections;
  };
  const leave = (connections: readonly Connection[]) => Promise.all(connections.map((one) => one.close()));

  it('is waited for until others leave', async () => {
    const others = await crowd(4);
    const opening = openPostgres(url, storeOptions());
    const early = await Promise.race([opening, new Promise((resolve) => setTimeout(resolve, 1000, 'waits'))]);
    assert.is(early, 'waits');
    await leave(others);
    await (await opening).close();
  });

  it('is said to be so after a while', async () => {
    const others = await crowd(5);
    const late = new Connection(configOf(url, false, 'late'));
    await whenConnected(() => late.ask('select 1'), 600).then(
      () => assert.unreachable('there was a connection left'),
      ({ message }: Error) =>
        assert.match(message, /a connection left for this process, .* 0.6 s .*too many clients.* raise its max_conn/),
    );
    await leave([...others, late]);
  });

  it('is not waited for by a process that alone needs more than all may have', async () => {
    const [home] = await crowd(1);
    await home!.transaction((ask) => migrate(ask));
    const began = Date.now();
    const room = { me: '00000000-0000-0000-0000-000000000001', kind: 'all', connections: 3, waitMs: 30_000 };
    await findRoom(home!, { ...room, budget: 2 }).then(
      () => assert.unreachable('more connections than allowed'),
      ({ message }: Error) => assert.match(message, /allows 2 .* others have taken none, and this one needs 3/),
    );
    assert.ok(Date.now() - began < 5000);
    await leave([home!]);
  });
});

describe('a suspension that the process which moves the pipeline does not let happen', ({ it, before }) => {
  let postgres: Databases;
  before(async () => {
    postgres = await sharedPostgres();
  });

  it('ends with an error, and the pipeline is as it was', async () => {
    const url = await postgres.createDatabase();
    const store = await openPostgres(url, storeOptions());
    const home = new Connection(configOf(url, false, 'other'));
    const leases = new Leases({
      me: '00000000-0000-0000-0000-000000000001',
      kind: 'web',
      connections: 1,
      home,
      saver: home,
      tell: () => {},
    });
    const other = new PostgresCursors(home.ask, leases, 500);
    const id = { shop: SHOP, pipeline: 'p' };
    await store.state.cursors.begin(id);
    const cursor = await store.state.cursors.claim(id, never);
    await other.suspend(id, { reason: 'by hand', at: 0 }).then(
      () => assert.unreachable('it is still moved'),
      (error: Error) => {
        assert.instance(error, LogUnavailable);
        assert.match(error.message, /p of demo.myshopify.com was not given up within 0.5 s/);
      },
    );
    await cursor.save({ progress: { ...cursor.progress, delivered: 3 } });
    await cursor.release();
    await until(async () => (await store.state.cursors.standing(id))?.moved === false);
    assert.is(await other.resume(id), true);
    assert.equal((await store.state.cursors.progress(id))?.delivered, 3);
    await leases.close();
    await home.close();
    await store.close();
  });
});

describe('a migration of tables that somebody reads', ({ it, before }) => {
  let postgres: Databases;
  before(async () => {
    postgres = await sharedPostgres();
  });

  it('holds up nobody for longer than a second, and is made when they are free', async () => {
    const url = await postgres.createDatabase();
    const store = await openPostgres(url, storeOptions());
    const [reader, home] = [
      new Connection(configOf(url, false, 'backup')),
      new Connection(configOf(url, false, 'new')),
    ];
    const sql = 'alter table headless_events.pages add column note text';
    const change = { number: 1000, name: 'a note', worksFrom: 1, sql };
    const migrating = (waitMs: number) =>
      whenConnected(() => home.transaction((ask) => migrate(ask, [...migrations, change])), waitMs);
    let made: Promise<string[]> | undefined;
    await reader.transaction(async (ask) => {
      await ask('select count(*) from headless_events.pages');
      await migrating(0).then(
        () => assert.unreachable('it is being read'),
        ({ message }: Error) => assert.match(message, /others read them without a pause .*\. Let the backup/),
      );
      made = migrating(10_000);
      assert.is((await store.log.append(record(['a'])))[0]?.kind, 'stored');
    });
    assert.equal(await made, ['a note']);
    await Promise.all([reader.close(), home.close(), store.close()]);
  });
});

describe('an error of PostgreSQL', ({ it, before, after }) => {
  let postgres: Databases;
  let connection: Connection;
  before(async () => {
    postgres = await sharedPostgres();
    connection = new Connection(configOf(await postgres.createDatabase(), false, 'faults'));
    await connection.ask('create table shoppers (email text primary key, age int)');
    await connection.ask(`insert into shoppers values ('jane@example.com', 4)`);
  });
  after(() => connection.close());

  for (const [what, text, values] of [
    ['a row', `insert into shoppers values ($1, 5)`, ['jane@example.com']],
    ['a value', `select $1::int`, ['jane@example.com']],
    ['JSON', `select $1::json`, ['{"email":jane@example.com}']],
    ['a context', `do $$ begin raise exception using message = 'no', detail = 'jane@example.com'; end $$`, []],
  ] as const)
    it(`holds nothing of ${what}`, async () => {
      const error = await connection.ask(text, values).then(
        () => assert.unreachable('it should have failed'),
        (one: unknown) => one,
      );
      assert.not.match(inspect(error, { depth: 10, showHidden: true }), /jane/);
      assert.match((error as { code: string }).code, /^(2|P0)/);
    });
});
