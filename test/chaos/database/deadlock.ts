import pg from 'pg';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';
import { shops } from '../audit.ts';
import { atLeast } from '../findings.ts';
import { pause } from '../random.ts';
import type { Fault } from './fault.ts';
import { repeatedly } from './recovery.ts';
import { underLoad } from './run.ts';

/** Another session locks the shops in the other order, so that an append and it wait for each other: PostgreSQL ends the append. */
export const deadlock: Fault = {
  name: 'deadlock',
  seconds: { usual: 15, short: 3 },
  async play(options) {
    const postgres = await startPostgres({ settings: { deadlock_timeout: '500ms' } });
    try {
      const database = await postgres.createDatabase();
      return await underLoad(options, database, { slowestSeconds: 10 }, async (run) => {
        await repeatedly(options, async () => {
          await crossLocks(postgres, database);
          await Promise.all([run.acked(Date.now()), pause(500)]);
        });
        return [atLeast('MET', 'deadlocks that PostgreSQL has ended', await deadlocks(postgres, database), 1)];
      });
    } finally {
      await postgres.stop();
    }
  },
};

/** Locks the last shop, waits until somebody waits for it, and asks for the first, which that one has. */
async function crossLocks(postgres: Postgres, database: string): Promise<void> {
  const session = new pg.Client({ connectionString: database });
  await session.connect();
  const lock = (shop: string) =>
    session.query('select 1 from headless_events.shops where name = $1 for update', [shop]);
  // This session does not look for a deadlock, so that the other is the one that is ended.
  await session.query(`set deadlock_timeout = '1min'`);
  await session.query('begin');
  await lock(shops[1].shop);
  const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
  await until(async () => (await postgres.query(database, waiting)).length > 0);
  await lock(shops[0].shop);
  await session.query('rollback');
  await session.end();
}

async function deadlocks(postgres: Postgres, database: string): Promise<number> {
  const sql = 'select deadlocks::int as count from pg_stat_database where datname = current_database()';
  const count = async () => (await postgres.query<{ count: number }>(database, sql))[0]?.count;
  // What is counted shows a little later.
  return until(count, 5_000).catch(() => 0);
}
