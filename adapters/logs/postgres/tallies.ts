import type { Tally } from '../log.ts';
import { NOTHING } from '../tally.ts';
import type { Ask } from './database.ts';
import { SCHEMA } from './schema.ts';

/** The counts of each shop, in the given order. */
export async function talliesOf(ask: Ask, shops: readonly string[]): Promise<Tally[]> {
  const rows = await ask(
    `select s.name, s.received, s.newest, s.duplicate,
       (select json_object_agg(code, count) from ${SCHEMA}.refusals r where r.shop = s.id) as quarantined
     from ${SCHEMA}.shops s where s.name = any($1)`,
    [shops],
  );
  const byName = new Map(rows.map((row) => [row.name, tallyOf(row)]));
  return shops.map((shop) => byName.get(shop) ?? NOTHING);
}

const tallyOf = ({ received, newest, duplicate, quarantined }: Readonly<Record<string, unknown>>): Tally => ({
  received: Number(received),
  appended: Number(newest),
  duplicate: Number(duplicate),
  quarantined: (quarantined ?? {}) as Tally['quarantined'],
});
