import type { Trimmed, TrimOptions } from './log.ts';
import type { Ask, Connection } from './postgres-database.ts';
import { SCHEMA } from './postgres-schema.ts';

/** What an event takes beside its bytes: its id, and what indexes need. */
const EVENT_BYTES = 120;
const EMPTY: Trimmed = { events: 0, unpassed: {} };

/**
 * Drops whole days that are old and passed, and of a day that some shop still needs what the others do not. Where the log is past its size
 * the oldest pages go. One process at a time; the others find nothing to do.
 */
export function trim(connection: Connection, options: TrimOptions): Promise<Trimmed> {
  return connection.transaction(async (ask) => {
    // Whoever cannot have a day's lock soon leaves it for the next time: requests go first.
    await ask(`set local lock_timeout = '1s'`);
    const [lock] = await ask(`select pg_try_advisory_xact_lock(hashtext('${SCHEMA}.trim')) as mine`);
    if (!lock?.mine) return EMPTY;
    const old = await trimDays(ask, options);
    const large = await trimSize(ask, options);
    await trimState(ask);
    return { events: old + large.events, unpassed: large.unpassed };
  });
}

async function days(ask: Ask): Promise<string[]> {
  const rows = await ask(
    `select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = '${SCHEMA}.pages'::regclass order by 1`,
  );
  return rows.map(({ relname }) => String(relname).slice('pages_'.length));
}

async function trimDays(ask: Ask, { before, passed }: TrimOptions): Promise<number> {
  const limit = before.toISOString().slice(0, 10).replaceAll('-', '');
  let events = 0;
  for (const day of await days(ask)) {
    if (day >= limit) break;
    const shops = await ask(
      `select s.id, s.name, max(p.last) as last, sum(p.last - p.first + 1) as events
       from ${SCHEMA}.pages_${day} p join ${SCHEMA}.shops s on s.id = p.shop group by s.id, s.name`,
    );
    const done = shops.filter(({ name, last }) => Number(last) <= passed(String(name)));
    events += done.reduce((sum, one) => sum + Number(one.events), 0);
    if (done.length === shops.length) await drop(ask, day);
    else if (done.length > 0)
      await ask(`delete from ${SCHEMA}.pages_${day} where shop = any($1)`, [done.map(({ id }) => id)]);
  }
  return events;
}

async function drop(ask: Ask, day: string): Promise<void> {
  await ask(`drop table ${SCHEMA}.pages_${day}, ${SCHEMA}.ids_${day}`);
}

async function trimSize(ask: Ask, { passed, maxBytes }: TrimOptions): Promise<Trimmed> {
  const [all] = await ask(
    `select coalesce(sum(pg_total_relation_size(inhrelid)), 0) as bytes from pg_inherits
     where inhparent in ('${SCHEMA}.pages'::regclass, '${SCHEMA}.ids'::regclass)`,
  );
  // Of room that was freed the files keep some, so the events themselves are added up only where the files are too large.
  if (Number(all?.bytes) <= maxBytes) return EMPTY;
  const removed = await ask(
    `with sized as (
       select day, shop, first, sum(octet_length(page) + ${EVENT_BYTES} * (last - first + 1)) over (order by at desc, shop, first desc) as newer
       from ${SCHEMA}.pages
     )
     delete from ${SCHEMA}.pages p using sized z, ${SCHEMA}.shops s
     where z.newer > $1 and p.day = z.day and p.shop = z.shop and p.first = z.first and s.id = p.shop
     returning s.name, p.first, p.last`,
    [maxBytes],
  );
  let events = 0;
  const unpassed: Record<string, number> = {};
  for (const { name, first, last } of removed) {
    const shop = String(name);
    events += Number(last) - Number(first) + 1;
    const lost = Number(last) - Math.max(passed(shop), Number(first) - 1);
    if (lost > 0) unpassed[shop] = (unpassed[shop] ?? 0) + lost;
  }
  return { events, unpassed };
}

/** Journal lines and ended dead letters about events that the log no longer keeps. */
async function trimState(ask: Ask): Promise<void> {
  const oldest = `select l.id, coalesce((select min(p.first) from ${SCHEMA}.pages p where p.shop = s.id), s.newest + 1) as oldest
    from ${SCHEMA}.pipelines l join ${SCHEMA}.shops s on s.name = l.shop`;
  await ask(`delete from ${SCHEMA}.journal j using (${oldest}) o where j.pipeline = o.id and j.last < o.oldest`);
  await ask(
    `delete from ${SCHEMA}.dead d using (${oldest}) o where d.pipeline = o.id and d.ended and d.position < o.oldest`,
  );
}
