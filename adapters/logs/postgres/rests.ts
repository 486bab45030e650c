import type { Place, Rest } from '../log.ts';
import type { Ask } from './database.ts';
import { SCHEMA } from './schema.ts';

/** What follows each place, in the given order. */
export async function restsBehind(ask: Ask, places: readonly Place[]): Promise<Rest[]> {
  const values = [places.map(({ shop }) => shop), places.map(({ after }) => after)];
  const rows = await ask(RESTS, values, 'rests_1');
  return rows.map(({ newest, at }) => ({ newest: Number(newest), oldestAt: at === null ? undefined : Number(at) }));
}

// Pipelines at the same position share a look-up. A page has the time of its newest event, and the events of one commit.
const RESTS = `
with places as (
  select p.shop, p.after, s.id, coalesce(s.newest, 0) as newest
  from (select distinct shop, after from unnest($1::text[], $2::bigint[]) d(shop, after)) p
  left join ${SCHEMA}.shops s on s.name = p.shop
), known as materialized (
  select places.*, case when newest > after then coalesce(
    (select case when p.last > places.after then p.at end from ${SCHEMA}.pages p
     where p.shop = places.id and p.first <= places.after + 1 order by p.first desc limit 1),
    (select p.at from ${SCHEMA}.pages p where p.shop = places.id and p.first > places.after + 1 order by p.first limit 1)
  ) end as at
  from places
)
select k.newest, k.at from unnest($1::text[], $2::bigint[]) with ordinality g(shop, after, n)
join known k on k.shop = g.shop and k.after = g.after order by g.n`;
