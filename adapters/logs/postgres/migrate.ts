import { LogUnusable } from '../log.ts';
import type { Ask } from './database.ts';
import { type Migration, migrations, SCHEMA } from './schema.ts';

const newest = (known: readonly Migration[]): number => Math.max(...known.map(({ number }) => number));

/**
 * Runs the missing migrations in a transaction that other processes wait for; gives their names. Throws if a newer version has migrated the
 * database beyond what this one can work with.
 */
export async function migrate(ask: Ask, known: readonly Migration[] = migrations): Promise<string[]> {
  await ask(`select pg_advisory_xact_lock(hashtext('${SCHEMA}.migrations'))`);
  // Appends read these tables too, and would queue behind a migration that waits for a long read such as a backup.
  await ask(`set local lock_timeout = '1s'`);
  const [schema] = await ask(`select to_regnamespace('${SCHEMA}') as made`);
  if (schema?.made === null) await ask(`create schema ${SCHEMA}`);
  await ask(`create table if not exists ${SCHEMA}.migrations (
    number int primary key, name text not null, works_from int not null, at timestamptz not null default now())`);
  const done = await ask(`select number, name, works_from from ${SCHEMA}.migrations order by number`);
  const tooNew = done.find(({ works_from }) => Number(works_from) > newest(known));
  if (tooNew) {
    throw new LogUnusable(
      `the database was migrated to "${String(tooNew.name)}" (${String(tooNew.number)}) by a newer version, which this version cannot work with; deploy that version`,
    );
  }
  const numbers = new Set(done.map(({ number }) => Number(number)));
  const missing = known.filter(({ number }) => !numbers.has(number));
  for (const { number, name, worksFrom, sql } of missing) {
    await ask(sql);
    await ask(`insert into ${SCHEMA}.migrations (number, name, works_from) values ($1, $2, $3)`, [
      number,
      name,
      worksFrom,
    ]);
  }
  return missing.map(({ name }) => name);
}
