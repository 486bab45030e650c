import type { Ask, Connection } from './database.ts';
import { SCHEMA } from './schema.ts';

/** Long enough for an automatic vacuum to give way, which it does after a second. */
const LOCK_PATIENCE = '2s';

type Kind = 'pages' | 'ids';

/** The table of one day. */
export interface DayTable {
  readonly kind: Kind;
  /** The day in its name: 20260131. */
  readonly day: string;
  /** attached: readers and appends see it. leaving: it is being detached, and readers may still use it. */
  readonly standing: 'attached' | 'leaving' | 'detached';
}

export const tableOf = ({ kind, day }: Pick<DayTable, 'kind' | 'day'>): string => `${SCHEMA}.${kind}_${day}`;

/** All day tables, oldest first. */
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
 * Removes the table of a day in steps that no append waits for: dropping an attached table would lock the whole log. Gives false if it is still
 * being read; then try again later.
 */
export async function removeDay(connection: Connection, table: DayTable): Promise<boolean> {
  const detached = table.standing === 'detached' || (await detach(connection, table));
  if (detached) await connection.ask(`drop table if exists ${tableOf(table)}`);
  return detached;
}

/** It holds no lock on the log while it waits. */
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

/** Reasons to try later: it is locked, another is being detached, or it is gone. A process of the previous release drops days too. */
const LATER = new Set(['55P03', '55000', '42P01']);
