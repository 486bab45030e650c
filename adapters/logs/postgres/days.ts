import type { Ask, Connection } from './database.ts';
import { SCHEMA } from './schema.ts';

/** Long enough that an automatic vacuum, which gives way to others after a second, does so. */
const LOCK_PATIENCE = '2s';

type Kind = 'pages' | 'ids';

/** The table of one day. */
export interface DayTable {
  readonly kind: Kind;
  /** As in its name: 20260131. */
  readonly day: string;
  /** Whether readers and appends still see it; whether it is on its way out, and somebody reads it yet. */
  readonly standing: 'attached' | 'leaving' | 'detached';
}

export const tableOf = ({ kind, day }: Pick<DayTable, 'kind' | 'day'>): string => `${SCHEMA}.${kind}_${day}`;

/** All of them, the oldest first. */
export async function dayTables(ask: Ask): Promise<DayTable[]> {
  const rows = await ask(
    `select c.relname, i.inhrelid is not null as attached, coalesce(i.inhdetachpending, false) as leaving
     from pg_class c left join pg_inherits i on i.inhrelid = c.oid
     where c.relnamespace = '${SCHEMA}'::regnamespace and c.relkind = 'r' and c.relname ~ '^(pages|ids)_[0-9]{8}$'
     order by right(c.relname, 8), c.relname`,
  );
  return rows.map(({ relname, attached, leaving }) => {
    const [kind, day] = String(relname).split('_') as [Kind, string];
    return { kind, day, standing: leaving ? 'leaving' : attached ? 'attached' : 'detached' };
  });
}

/**
 * Removes the table of a day, in steps that no append waits for: dropping it while it is attached would lock the whole log. Gives false
 * where somebody reads it still; then it is for the next time.
 */
export async function removeDay(connection: Connection, table: DayTable): Promise<boolean> {
  const detached = table.standing === 'detached' || (await detach(connection, table));
  if (detached) await connection.ask(`drop table if exists ${tableOf(table)}`);
  return detached;
}

/** While it waits, nothing else waits for it: it holds no lock on the log. */
function detach(connection: Connection, table: DayTable): Promise<boolean> {
  const how = table.standing === 'leaving' ? 'finalize' : 'concurrently';
  return connection.alone(async (ask) => {
    await ask(`set lock_timeout = '${LOCK_PATIENCE}'`);
    try {
      await ask(`alter table ${SCHEMA}.${table.kind} detach partition ${tableOf(table)} ${how}`);
      return true;
    } catch (error) {
      if (!LATER.has((error as { code?: string }).code ?? '')) throw error;
      return false;
    } finally {
      await ask('set lock_timeout = 0').catch(() => {});
    }
  });
}

/** It is locked, another is on its way out, or it is gone: a process of the previous release drops days too. */
const LATER = new Set(['55P03', '55000', '42P01']);
