import * as assert from 'uvu/assert';
import { LogUnavailable } from '../../../../adapters/logs/log.ts';
import { Connection } from '../../../../adapters/logs/postgres/database.ts';
import { openPostgres } from '../../../../adapters/logs/postgres/open.ts';
import { configOf } from '../../../../adapters/logs/postgres/url.ts';
import type { Store } from '../../../../adapters/logs/store.ts';
import { never, record, SHOP, storeOptions } from '../../../contracts/log.ts';
import { describe } from '../../../support/describe.ts';
import { type Postgres, startPostgres } from '../../../support/postgres.ts';
import { until } from '../../../support/until.ts';

let started: Promise<Postgres> | undefined;
/** Killed and paused by one suite after the other; the last stops it. */
const ofThisFile = (): Promise<Postgres> => {
  started ??= startPostgres({ inMemory: true });
  return started;
};

describe('a connection to PostgreSQL', ({ it, before, beforeEach, afterEach }) => {
  let url = '';
  let connection: Connection;
  let postgres: Postgres;
  before(async () => {
    postgres = await ofThisFile();
  });
  beforeEach(async () => {
    url = await postgres.createDatabase();
    connection = new Connection(configOf(url, false, 'faults'));
  });
  afterEach(() => connection.close());
  const asks = async (count: number): Promise<void> =>
    void (await until(async () => (await postgres.connections(url)).faults === count));
  const failure = (asked: Promise<unknown>): Promise<unknown> =>
    asked.then(
      () => assert.unreachable('it should have failed'),
      (error: unknown) => error,
    );

  it('that is cut in the middle of a statement fails that, and nothing else', async () => {
    const asked = failure(connection.ask('select pg_sleep(20)'));
    await asks(1);
    await postgres.cutConnections(url);
    assert.instance(await asked, LogUnavailable);
    assert.equal(await connection.ask('select 1 as one'), [{ one: 1 }]);
  });

  it('that is cut by a crash in the middle of a transaction is opened again when there is somebody', async () => {
    const asked = failure(connection.transaction((ask) => ask('select pg_sleep(20)')));
    await asks(1);
    await postgres.kill();
    assert.instance(await asked, LogUnavailable);
    assert.instance(await failure(connection.ask('select 1')), LogUnavailable);
    await postgres.start();
    assert.equal(await connection.ask('select 1 as one'), [{ one: 1 }]);
  });
});

describe('a store whose database answers nothing', ({ it, before, after }) => {
  let store: Store;
  const databaseTimeouts = { queryMs: 3000, idleTransactionMs: 10_000 };
  let postgres: Postgres;
  before(async () => {
    postgres = await ofThisFile();
    store = await openPostgres(await postgres.createDatabase(), storeOptions({ databaseTimeouts }));
  });
  after(() => store.close());

  it('tells all who wait, however many they are, as soon as the first attempt has failed', async () => {
    const { log } = store;
    await log.append(record(['first']));
    postgres.pause();
    // Each is as much as one commit takes.
    const large = (id: string) => ({ ...record([id]), body: Buffer.alloc(1024 * 1024) });
    const waiting = ['a', 'b', 'c', 'd'].map((id) => log.append(large(id)));
    const told = await Promise.all(
      waiting.map((one) =>
        one.then(
          () => Number.NaN,
          () => performance.now(),
        ),
      ),
    );
    // A second attempt would take as long as the first.
    assert.ok(Math.max(...told) - Math.min(...told) < databaseTimeouts.queryMs / 2, `${told}`);
    postgres.resume();
    await until(() =>
      log.append(record(['later'])).then(
        () => true,
        () => false,
      ),
    );
  });
});

describe('a store whose database dies', ({ it, before, after }) => {
  let url = '';
  let store: Store;
  let postgres: Postgres;
  before(async () => {
    postgres = await ofThisFile();
    url = await postgres.createDatabase();
    store = await openPostgres(url, storeOptions());
    assert.is(store.log.durability, 'disk');
  });
  after(() => store.close());

  it('takes up a pipeline at once that it could not give back', async () => {
    const { state } = store;
    const pipeline = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(pipeline);
    const cursor = await state.cursors.claim(pipeline, never);
    await postgres.query(url, `update headless_events.pipelines set lease_until = now() + interval '1 hour'`);
    await postgres.kill();
    await cursor.release();
    await postgres.start();
    assert.is((await state.cursors.claim(pipeline, AbortSignal.timeout(10_000))).progress.position, 0);
  });

  it('is well again when the database is, although nobody sends it anything', async () => {
    const { log } = store;
    await log.append(record(['first']));
    await postgres.kill();
    await log.append(record(['lost'])).then(
      () => assert.unreachable('the database was away'),
      (error: unknown) => assert.instance(error, LogUnavailable),
    );
    assert.ok(log.failure);
    await postgres.start();
    await until(() => log.failure === undefined);
    assert.equal(await log.tally(SHOP), { received: 1, appended: 1, duplicate: 0, quarantined: {} });
    assert.equal((await log.append(record(['lost'])))[0], { kind: 'stored', position: 2 });
  });
});

describe('a connection to a database that stands still', ({ it, after }) => {
  after(async () => (await ofThisFile()).stop());

  it('is closed all the same', async () => {
    const postgres = await ofThisFile();
    const connection = new Connection(configOf(await postgres.createDatabase(), false, 'faults'));
    await connection.ask('select 1');
    postgres.pause();
    await connection.close();
    postgres.resume();
  });
});
