import * as assert from 'uvu/assert';
import { LogUnusable } from '../../../../adapters/logs/log.ts';
import { refuseUnfit } from '../../../../adapters/logs/postgres/fitness.ts';
import { migratePostgres, openPostgres } from '../../../../adapters/logs/postgres/open.ts';
import { configOf } from '../../../../adapters/logs/postgres/url.ts';
import { record, SHOP, storeOptions } from '../../../contracts/log.ts';
import { describe } from '../../../support/describe.ts';
import { type Pooler, startPooler } from '../../../support/pooler.ts';
import type { Databases } from '../../../support/postgres-databases.ts';
import { sharedPostgres } from '../../../support/postgres-shared.ts';

describe('what a database must be to keep the log', ({ it, before, beforeEach, afterEach }) => {
  let postgres: Databases;
  let url = '';
  const poolers: Pooler[] = [];
  before(async () => {
    postgres = await sharedPostgres();
  });
  beforeEach(async () => {
    url = await postgres.createDatabase();
  });
  afterEach(async () => {
    await Promise.all(poolers.splice(0).map((one) => one.close()));
  });
  const pooler = async (mode: 'transaction' | 'session', sessions?: number): Promise<string> => {
    const one = await startPooler(url, mode, sessions);
    poolers.push(one);
    return one.url;
  };
  const refusal = (asked: Promise<unknown>): Promise<string> =>
    asked.then(
      () => assert.unreachable('it should have been refused'),
      (error: Error) => {
        assert.instance(error, LogUnusable);
        assert.not.match(error.message, /\n/);
        return error.message;
      },
    ) as Promise<string>;
  const nameOf = (of: string) => new URL(of).pathname.slice(1);

  for (const sessions of [1, 2, 8]) {
    it(`is not behind a pooler that hands ${sessions} sessions to transactions, where nothing is left behind`, async () => {
      const through = await pooler('transaction', sessions);
      const settings = `select application_name, current_setting('statement_timeout') as timeout from pg_stat_activity where pid = pg_backend_pid()`;
      for (const open of [() => openPostgres(through, storeOptions()), () => migratePostgres(through, false)])
        assert.match(await refusal(open()), /^LOG_URL: must lead to the database itself, .* pool_mode to session$/);
      const left = await postgres.query<{ count: number }>(
        url,
        `select count(*)::int as count from pg_locks where locktype = 'advisory'`,
      );
      assert.is(left[0]?.count, 0);
      const { default: pg } = await import('pg');
      for (let look = 0; look < sessions; look += 1) {
        const client = new pg.Client({ connectionString: through });
        await client.connect();
        await client.query('begin');
        assert.is((await client.query(settings)).rows[0].timeout, '0');
        assert.is((await client.query('select pg_listening_channels()')).rows.length, 0);
        await client.query('commit');
        await client.end();
      }
      assert.equal(await postgres.query(url, `select to_regnamespace('headless_events') as made`), [{ made: null }]);
    });
  }

  it('may be behind a pooler that gives each client a session', async () => {
    const store = await openPostgres(await pooler('session', 6), storeOptions());
    assert.equal(await store.log.append(record(['a'])), [{ kind: 'stored', position: 1 }]);
    assert.is((await store.log.extent(SHOP)).newest, 1);
    await store.close();
  });

  it('has locks for all days that are to be kept', async () => {
    // It has max_connections=400.
    assert.match(
      await refusal(openPostgres(url, storeOptions({ retentionDays: 1601 }))),
      /^RETENTION_DAYS: must be at most 1600 for .* max_locks_per_transaction=64, got 1601; or set that to 65 or more there$/,
    );
    const store = await openPostgres(url, storeOptions({ retentionDays: 1600 }));
    await store.close();
  });

  it('takes UTF-8', async () => {
    await postgres.query('postgres', `create database latin encoding 'LATIN1' locale 'C' template template0`);
    assert.match(
      await refusal(openPostgres(postgres.url('latin'), storeOptions())),
      /^LOG_URL: must lead to a database with the encoding UTF8, got LATIN1; make one/,
    );
  });

  it('takes writes', async () => {
    await postgres.query(url, `alter database ${nameOf(url)} set default_transaction_read_only = on`);
    assert.match(
      await refusal(openPostgres(url, storeOptions())),
      /^LOG_URL: must lead to a database that takes writes, .*=on; set that to off/,
    );
  });

  it('lets its role make a schema, or has it already', async () => {
    await postgres.query('postgres', `create role narrow login`);
    await postgres.query('postgres', `revoke create on database ${nameOf(url)} from public`);
    const narrow = url.replace('postgres@', 'narrow@');
    assert.match(
      await refusal(openPostgres(narrow, storeOptions())),
      /^LOG_URL: must lead to a database in which its role may make a schema; /,
    );
    await postgres.query(url, 'create schema headless_events authorization narrow');
    await refuseUnfit(configOf(narrow, false, 'test'));
  });

  it('may have other defaults, which do not matter here', async () => {
    for (const [name, value] of [
      ['default_transaction_isolation', `'repeatable read'`],
      ['lock_timeout', `'1ms'`],
      ['idle_session_timeout', `'200ms'`],
      ['datestyle', `'SQL, DMY'`],
      ['bytea_output', `'escape'`],
      ['search_path', `''`],
      ['timezone', `'Pacific/Apia'`],
    ])
      await postgres.query(url, `alter database ${nameOf(url)} set ${name} = ${value}`);
    const stores = await Promise.all([1, 2].map(() => openPostgres(url, storeOptions())));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const ids = Array.from({ length: 20 }, (_, n) => `e${n}`);
    const verdicts = await Promise.all(ids.flatMap((id) => stores.map(({ log }) => log.append(record([id])))));
    assert.is(verdicts.flat().filter(({ kind }) => kind === 'stored').length, 20);
    assert.is((await stores[0]!.log.read(SHOP, 0, 100, AbortSignal.abort())).length, 20);
    await Promise.all(stores.map((one) => one.close()));
  });
});
