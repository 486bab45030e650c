import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { SCHEMA } from '../../adapters/logs/postgres/schema.ts';

/** What a running PostgreSQL gives to those who only use it. Wherever a database is asked for, its name or its URL will do. */
export interface Databases {
  readonly port: number;
  /** For the superuser, who needs no password. */
  url(database: string): string;
  /** Makes an empty database and gives its URL. */
  createDatabase(): Promise<string>;
  /** Ends all connections to a database with a log in it and removes all that it keeps: for a fraction of what a new one takes. */
  emptyLog(database: string): Promise<void>;
  /** The rows, over a connection of its own as the superuser. */
  query<Row = Record<string, unknown>>(database: string, sql: string, params?: readonly unknown[]): Promise<Row[]>;
  /** How many connections to the database each application_name has, the one that counts aside. */
  connections(database: string): Promise<Record<string, number>>;
  /** Ends every other connection to the database, and says how many. */
  cutConnections(database: string): Promise<number>;
}

/** The PostgreSQL that listens on this port of 127.0.0.1. */
export function databasesAt(port: number): Databases {
  const url = (database: string) => `postgres://postgres@127.0.0.1:${port}/${nameOf(database)}`;
  const query: Databases['query'] = (database, sql, params = []) => queryOnce(url(database), sql, params);
  return {
    port,
    url,
    query,
    async createDatabase() {
      const name = `events_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
      await query('postgres', `CREATE DATABASE ${name}`);
      return url(name);
    },
    async emptyLog(database) {
      await query(database, EMPTY);
    },
    async connections(database) {
      const rows = await query<{ name: string; count: number }>(
        'postgres',
        `SELECT application_name AS name, count(*)::int AS count FROM pg_stat_activity ${OTHERS} GROUP BY 1`,
        [nameOf(database)],
      );
      return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
    },
    async cutConnections(database) {
      const sql = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity ${OTHERS}`;
      return (await query('postgres', sql, [nameOf(database)])).length;
    },
  };
}

const OTHERS = `WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()`;

/**
 * What was killed may still be at its last statement there: it is ended first. What a migration has written is kept, such as the key that
 * ids are hashed with. In one connection, since a new one takes longer than this.
 */
const EMPTY = `DO $$
DECLARE
  one record;
BEGIN
  PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity ${OTHERS.replace('$1', 'current_database()')};
  FOR one IN SELECT oid::regclass AS name, relkind AS kind FROM pg_class
    WHERE relnamespace = to_regnamespace('${SCHEMA}') AND relkind IN ('r', 'p', 'S') AND NOT relispartition
      AND relname NOT IN ('migrations', 'settings') ORDER BY relname
  LOOP
    EXECUTE format(CASE one.kind WHEN 'S' THEN 'ALTER SEQUENCE %s RESTART' ELSE 'DELETE FROM %s' END, one.name);
  END LOOP;
END $$`;

const nameOf = (database: string): string =>
  database.includes('://') ? new URL(database).pathname.slice(1) : database;

async function queryOnce<Row>(url: string, sql: string, params: readonly unknown[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, application_name: 'audit' });
  // A connection that is cut fails its query; without a listener it would end the process as well.
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(sql, [...params])).rows as Row[];
  } finally {
    await client.end();
  }
}
