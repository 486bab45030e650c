import { LogUnusable } from '../log.ts';
import { Connection } from './database.ts';
import { SCHEMA } from './schema.ts';
import type { DatabaseConfig } from './url.ts';

/** Older versions cannot detach days concurrently. */
const OLDEST_VERSION = 14;
/** How often it is checked whether a pooler switches servers. */
const LOOKS = 20;

const LOOK = `
select pg_backend_pid() as server, current_setting('server_version_num')::int / 10000 as version,
  current_setting('max_locks_per_transaction')::int as locks,
  current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int as sessions,
  current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby,
  current_setting('default_transaction_read_only') = 'on' as read_only,
  to_regnamespace('${SCHEMA}') is null and not has_database_privilege(current_database(), 'create') as locked`;

/** Throws LogUnusable if a database cannot keep a log. Changes no settings, so that none are left behind in a pooler that is refused. */
export async function refuseUnfit(config: DatabaseConfig, retentionDays = 0): Promise<void> {
  const one = new Connection(config, { isBare: true });
  const two = new Connection(config, { isBare: true });
  try {
    const isDirect = await one.alone(async (ask, server) => {
      const [found] = await ask(LOOK);
      refuseServer(found ?? {});
      refuseLocks(found ?? {}, retentionDays);
      return found?.server === server;
    });
    if (!isDirect) await refusePooler(one, two);
  } finally {
    await Promise.all([one.close(), two.close()]);
  }
}

function refuseServer({ version, encoding, standby, read_only, locked }: Readonly<Record<string, unknown>>): void {
  const refuse = (sentence: string): never => {
    throw new LogUnusable(`LOG_URL: must lead to ${sentence}`);
  };
  if (Number(version) < OLDEST_VERSION)
    refuse(`PostgreSQL ${OLDEST_VERSION} or newer, got ${String(version)}; use a newer server`);
  if (encoding !== 'UTF8')
    refuse(
      `a database with the encoding UTF8, got ${String(encoding)}; make one: create database … encoding 'UTF8' template template0`,
    );
  if (standby === true) refuse('a server that takes writes, got a standby; use the address of the primary');
  if (read_only === true)
    refuse(
      'a database that takes writes, got one with default_transaction_read_only=on; set that to off, for the role or the database',
    );
  if (locked === true)
    refuse('a database in which its role may make a schema; let its owner run: grant create on database … to …');
}

/** Locks per day: two tables with an index each. A statement may lock all days, and so may each connection of a process. */
const LOCKS_A_DAY = 4 * 4;

function refuseLocks({ locks, sessions }: Readonly<Record<string, unknown>>, retentionDays: number): void {
  const needed = Math.ceil((LOCKS_A_DAY * retentionDays) / Number(sessions));
  if (needed > Number(locks))
    throw new LogUnusable(
      `RETENTION_DAYS: must be at most ${Math.floor((Number(locks) * Number(sessions)) / LOCKS_A_DAY)} for a database with max_locks_per_transaction=${String(locks)}, got ${retentionDays}; or set that to ${needed} or more there`,
    );
}

/** Two sessions never share a server process at the same time, and a session keeps its own. */
async function refusePooler(one: Connection, two: Connection): Promise<void> {
  const serverOf = async ({ ask }: Connection) => (await ask('select pg_backend_pid() as server'))[0]?.server;
  const first = await serverOf(one);
  for (let look = 0; look < LOOKS; look += 1) {
    const other = await serverOf(two);
    const now = await serverOf(one);
    if (now !== first || now === other)
      throw new LogUnusable(
        'LOG_URL: must lead to the database itself, or to a pooler in session mode, got a pooler that gives each transaction another session; ' +
          'use the address of the database, or set pool_mode to session',
      );
  }
}
