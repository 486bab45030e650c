import * as assert from 'uvu/assert';
import { LogUnavailable } from '../../../adapters/logs/log.ts';
import { openPostgres } from '../../../adapters/logs/postgres.ts';
import { Connection, configOf } from '../../../adapters/logs/postgres-database.ts';
import type { Store } from '../../../adapters/logs/store.ts';
import { never, SHOP, storeOptions } from '../../contracts/log.ts';
import { describe } from '../../support/describe.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';

describe('a connection to PostgreSQL', ({ it, before, after, beforeEach, afterEach }) => {
  let postgres: Postgres;
  let url = '';
  let connection: Connection;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());
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

describe('a store whose database dies', ({ it, before, after }) => {
  let postgres: Postgres;
  let url = '';
  let store: Store;
  before(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase();
    store = await openPostgres(url, storeOptions());
  });
  after(async () => {
    await store.close();
    await postgres.stop();
  });

  it('takes up a pipeline at once that it could not give back', async () => {
    const { state } = store;
    const pipeline = { shop: SHOP, pipeline: 'p' };
    await state.begin(pipeline);
    const cursor = await state.claim(pipeline, never);
    await postgres.query(url, `update headless_events.pipelines set lease_until = now() + interval '1 hour'`);
    await postgres.kill();
    await cursor.release();
    await postgres.start();
    assert.is((await state.claim(pipeline, AbortSignal.timeout(10_000))).progress.position, 0);
  });
});
