import type { Ask } from './database.ts';
import { SCHEMA } from './schema.ts';

/** Pipelines per statement. */
const PIPELINES_AT_ONCE = 100;
/** Rows that one statement checks over all of its pipelines. */
const ROWS_AT_ONCE = 5000;

interface Pipeline {
  readonly id: number;
  /** The first position of its shop that the log still has. */
  readonly oldest: number;
  /** The position up to which it was swept. */
  after: number;
}

/** Removes journal lines, rules and ended dead letters about events that the log no longer keeps, in short steps, until it is stopped. */
export async function sweepState(ask: Ask, stopped: () => boolean): Promise<void> {
  for (let last = 0; ; ) {
    const rows = await ask(PIPELINES, [last]);
    const pipelines = rows.map(({ id, oldest }) => ({ id: Number(id), oldest: Number(oldest) }));
    for (const sql of [LINES, LETTERS]) await sweep(ask, sql, pipelines, stopped);
    if (!stopped()) await ask(RULES, [pipelines.map(({ id }) => id), pipelines.map(({ oldest }) => oldest)]);
    if (pipelines.length < PIPELINES_AT_ONCE || stopped()) return;
    last = pipelines.at(-1)?.id ?? 0;
  }
}

async function sweep(
  ask: Ask,
  sql: string,
  all: readonly Omit<Pipeline, 'after'>[],
  stopped: () => boolean,
): Promise<void> {
  let pipelines: Pipeline[] = all.map((one) => ({ ...one, after: 0 }));
  while (pipelines.length > 0 && !stopped()) {
    const limit = Math.ceil(ROWS_AT_ONCE / pipelines.length);
    const looked = await ask(sql, [
      pipelines.map(({ id }) => id),
      pipelines.map(({ oldest }) => oldest),
      pipelines.map(({ after }) => after),
      limit,
    ]);
    const more = new Map(looked.map(({ pipeline, last }) => [Number(pipeline), Number(last)]));
    // Pipelines that filled their share may have more.
    pipelines = pipelines.flatMap((one) => {
      const last = more.get(one.id);
      return last === undefined ? [] : [{ ...one, after: last }];
    });
  }
}

const PIPELINES = `
select l.id, coalesce((select min(p.first) from ${SCHEMA}.pages p where p.shop = s.id), s.newest + 1) as oldest
from ${SCHEMA}.pipelines l join ${SCHEMA}.shops s on s.name = l.shop
where l.id > $1 order by l.id limit ${PIPELINES_AT_ONCE}`;

// A limit per pipeline makes the planner use the index, whatever its statistics say.
const sweeping = (table: string, position: string, ended: string): string => `
with looked as (
  select o.pipeline, t.position, t.ended from unnest($1::int[], $2::bigint[], $3::bigint[]) o(pipeline, oldest, after),
  lateral (
    select ${position} as position, ${ended} as ended from ${SCHEMA}.${table} t
    where t.pipeline = o.pipeline and t.${position} > o.after and t.${position} < o.oldest order by t.${position} limit $4
  ) t
), gone as (
  delete from ${SCHEMA}.${table} t using looked l where l.ended and t.pipeline = l.pipeline and t.${position} = l.position
)
select pipeline, max(position) as last from looked group by pipeline having count(*) = $4`;

const LINES = sweeping('journal', 'first', 't.last < o.oldest');
const LETTERS = sweeping('dead', 'position', 't.ended');

// The newest of the old rules still applies at the oldest position.
const RULES = `
delete from ${SCHEMA}.rules r using unnest($1::int[], $2::bigint[]) o(id, oldest) join ${SCHEMA}.pipelines p on p.id = o.id
where r.shop = p.shop and r.pipeline = p.pipeline and r.since < (
  select max(n.since) from ${SCHEMA}.rules n where n.shop = p.shop and n.pipeline = p.pipeline and n.since <= o.oldest
)`;
