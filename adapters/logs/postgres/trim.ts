import { LogUnavailable, type Trimmed, type TrimOptions } from '../log.ts';
import type { Ask, Connection } from './database.ts';
import { type DayTable, dayTables, removeDay, tableOf } from './days.ts';
import { SCHEMA } from './schema.ts';
import { excessOf, pieces } from './size.ts';
import { sweepState } from './sweep.ts';

/** Most bytes that one statement deletes, unless a single page is larger. */
const PIECE_BYTES = 16 * 1024 * 1024;
/** A process that stands still while trimming loses its lock after this time. */
const IDLE_MS = 60_000;

const LOCK = `hashtext('${SCHEMA}.trim')`;

/**
 * Removes whole days that are old and passed. If some shops still need a day, removes the events of the others. Above the size limit the oldest
 * pages go. It works in short transactions that no append waits for, and completed steps stay done if a later one fails. One process trims at a
 * time; for the others there is nothing to do.
 */
export async function trim(connection: Connection, options: PostgresTrimOptions): Promise<Trimmed> {
  const { ask } = connection;
  const [turn] = await ask(`select pg_try_advisory_lock(${LOCK}) as mine`);
  const trimmer = new Trimmer(connection, options);
  if (!turn?.mine) return trimmer.done;
  try {
    // If this process stands still, the database closes the connection and releases the lock.
    await ask(`set idle_session_timeout = ${IDLE_MS}`);
    await trimmer.run();
  } catch (error) {
    // Removed events must be reported; the rest is for the next time.
    if (!(error instanceof LogUnavailable) || trimmer.done.events === 0) throw error;
  } finally {
    await ask(`set idle_session_timeout = 0`).catch(() => {});
    await ask(`select pg_advisory_unlock(${LOCK})`).catch(() => {});
  }
  return trimmer.done;
}

export interface PostgresTrimOptions extends TrimOptions {
  /** As in table names: 20260131. This table stays, since appends go there. */
  readonly today: string;
}

export const dayName = (at: Date): string => at.toISOString().slice(0, 10).replaceAll('-', '');

/** A shop's part of a day. */
interface Share {
  readonly id: number;
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

class Trimmer {
  readonly #connection: Connection;
  readonly #ask: Ask;
  readonly #options: PostgresTrimOptions;
  readonly #unpassed: Record<string, number> = {};
  #events = 0;

  constructor(connection: Connection, options: PostgresTrimOptions) {
    this.#connection = connection;
    this.#ask = connection.ask;
    this.#options = options;
  }

  get done(): Trimmed {
    return { events: this.#events, unpassed: this.#unpassed };
  }

  async run(): Promise<void> {
    for (const table of await dayTables(this.#ask)) {
      if (this.#stopped) return;
      // Left over by an earlier trim.
      if (table.standing !== 'attached') await removeDay(this.#connection, table);
    }
    await this.#trimOld();
    await this.#trimSize();
    if (!this.#stopped) await sweepState(this.#ask, () => this.#stopped);
  }

  get #stopped(): boolean {
    return this.#options.stopping?.aborted === true;
  }

  async #attached(): Promise<DayTable[]> {
    return (await dayTables(this.#ask)).filter(({ standing }) => standing === 'attached');
  }

  async #trimOld(): Promise<void> {
    const limit = dayName(this.#options.before);
    const old = (await this.#attached()).filter(({ day }) => day < limit);
    const kept = new Set<string>();
    for (const table of old.filter(({ kind }) => kind === 'pages')) {
      if (this.#stopped) return;
      if (!(await this.#letGo(table))) kept.add(table.day);
    }
    // Ids are needed as long as their events exist.
    for (const table of old.filter(({ kind, day }) => kind === 'ids' && !kept.has(day))) {
      if (this.#stopped) return;
      await removeDay(this.#connection, table);
    }
  }

  /** Removes a day if every shop has passed it; otherwise the events of the shops that have. Says whether nothing is left of it. */
  async #letGo(table: DayTable): Promise<boolean> {
    const shares = await sharesOf(this.#ask, table);
    const passed = shares.filter(({ name, last }) => last <= this.#options.passed(name));
    if (passed.length < shares.length) {
      const ids = passed.map(({ id }) => id);
      if (ids.length > 0) await this.#deleteIn(table, 'shop = any($5)', [ids]);
      return false;
    }
    const gone = await removeDay(this.#connection, table);
    // A shop's positions have no gaps, so a day has all from its first to its last.
    if (gone) this.#events += shares.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    return gone;
  }

  async #trimSize(): Promise<void> {
    const { maxBytes } = this.#options;
    const [files] = await this.#ask(
      `select coalesce(sum(pg_total_relation_size(inhrelid)), 0) as bytes from pg_inherits
       where inhparent in ('${SCHEMA}.pages'::regclass, '${SCHEMA}.ids'::regclass)`,
    );
    // Files keep some freed room, so event sizes are summed only if the files are too large.
    if (Number(files?.bytes) <= maxBytes) return;
    const tables = (await this.#attached()).filter(({ kind }) => kind === 'pages');
    for (const excess of await excessOf(this.#ask, tables, maxBytes)) {
      if (this.#stopped) return;
      const { table, keys } = excess;
      if (excess.before < Number.POSITIVE_INFINITY) {
        await this.#deleteIn(table, 'at < $5', [excess.before]);
        await this.#deleteIn(table, '(shop, first) in (select * from unnest($5::int[], $6::bigint[]))', [
          keys.map(({ shop }) => shop),
          keys.map(({ first }) => first),
        ]);
      } else if (table.day >= this.#options.today || !(await this.#isPassed(table))) {
        await this.#deleteIn(table, 'true', []);
      } else await this.#letGo(table);
    }
  }

  async #isPassed(table: DayTable): Promise<boolean> {
    const shares = await sharesOf(this.#ask, table);
    return shares.every(({ name, last }) => last <= this.#options.passed(name));
  }

  /** Deletes the pages of a day that match a condition, piece by piece, and counts them. */
  async #deleteIn(table: DayTable, which: string, values: readonly unknown[]): Promise<void> {
    const shares = await sharesOf(this.#ask, table);
    const passed = [shares.map(({ id }) => id), shares.map(({ name }) => this.#options.passed(name))];
    const sql = deletion(tableOf(table), which);
    for await (const range of pieces(this.#ask, table)) {
      for (;;) {
        if (this.#stopped) return;
        const gone = await this.#ask(sql, [...range, ...passed, ...values]);
        for (const { name, events, lost } of gone) {
          this.#events += Number(events);
          if (Number(lost) > 0) this.#unpassed[String(name)] = (this.#unpassed[String(name)] ?? 0) + Number(lost);
        }
        if (gone.length === 0) break;
      }
    }
  }
}

/** Each shop's part of a day, by its first and last page: two index look-ups, however many pages there are. */
async function sharesOf(ask: Ask, table: DayTable): Promise<Share[]> {
  const pages = `select p.first, p.last from ${tableOf(table)} p where p.shop = s.id order by p.first`;
  const rows = await ask(
    `select s.id, s.name, f.first, l.last from ${SCHEMA}.shops s,
       lateral (${pages} limit 1) f, lateral (${pages} desc limit 1) l`,
  );
  return rows.map(({ id, name, first, last }) => ({
    id: Number(id),
    name: String(name),
    first: Number(first),
    last: Number(last),
  }));
}

/** `$1`, `$2`: range of rows. `$3`, `$4`: shops, and the positions that all pipelines of each have passed. */
const deletion = (table: string, which: string): string => `
with chosen as (
  select ctid, sum(octet_length(page)) over (order by ctid) - octet_length(page) as earlier
  from ${table} where ctid >= $1::tid and ctid < $2::tid and ${which}
), gone as (
  delete from ${table} p using chosen c
  where c.earlier < ${PIECE_BYTES} and p.ctid = c.ctid and p.ctid >= $1::tid and p.ctid < $2::tid
  returning p.shop, p.first, p.last
)
select s.name, sum(g.last - g.first + 1) as events, sum(greatest(0, g.last - greatest(coalesce(k.passed, 0), g.first - 1))) as lost
from gone g join ${SCHEMA}.shops s on s.id = g.shop left join unnest($3::int[], $4::bigint[]) k(shop, passed) on k.shop = g.shop
group by s.name`;
