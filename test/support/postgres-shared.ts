import { startPostgres } from './postgres.ts';
import { type Databases, databasesAt } from './postgres-databases.ts';

/** For suites that only use a database: with fsync, or on a disk at all, the machine's disk would decide how long they take. */
export const SHARED = {
  settings: { fsync: 'off', full_page_writes: 'off', max_connections: '400' },
  inMemory: true,
};

let shared: Promise<Databases> | undefined;

/**
 * The PostgreSQL of this run of tests, or one of this process where a file is run by itself. Without fsync, so a log on it calls itself
 * ephemeral. It ends with the run; a suite that stops, kills, or configures a PostgreSQL, or looks at its log, starts its own.
 */
export function sharedPostgres(): Promise<Databases> {
  shared ??= process.send ? ofTheRun() : startPostgres(SHARED);
  return shared;
}

/** The process that runs the tests answers with its URL. */
function ofTheRun(): Promise<Databases> {
  return new Promise((resolve) => {
    const hear = ({ postgres }: { postgres?: string }): void => {
      if (postgres === undefined) return;
      process.off('message', hear);
      resolve(databasesAt(Number(new URL(postgres).port)));
    };
    process.on('message', hear);
    process.send?.({});
  });
}
