import { keyOf } from '../holders.ts';
import type { Position } from '../log.ts';
import type { PipelineId, Rule } from '../state.ts';
import type { Ask } from './database.ts';
import { gather } from './gather.ts';
import { SCHEMA } from './schema.ts';

const AT_ONCE = 500;

/** Which filter was in force where. Every pipeline that starts asks for its last one, so many are asked for together. */
export class PostgresRules {
  readonly at: (asked: { readonly id: PipelineId; readonly position: Position }) => Promise<Rule | undefined>;
  readonly save: (saved: { readonly id: PipelineId; readonly rule: Rule }) => Promise<void>;

  constructor(ask: Ask) {
    this.at = gather(AT_ONCE, async (asked) => {
      const rows = await ask(
        `select (select r.rule from ${SCHEMA}.rules r where r.shop = k.shop and r.pipeline = k.pipeline and r.since <= k.position
           order by r.since desc limit 1) as rule
         from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality k(shop, pipeline, position, n) order by k.n`,
        [...columns(asked), asked.map(({ position }) => position)],
      );
      return rows.map(({ rule }) => (rule ?? undefined) as Rule | undefined);
    });
    this.save = gather(AT_ONCE, async (given) => {
      // Of two at the same place the last counts.
      const saved = [...new Map(given.map((one) => [`${keyOf(one.id)} ${one.rule.since}`, one])).values()];
      await ask(
        `insert into ${SCHEMA}.rules (shop, pipeline, since, rule)
         select * from unnest($1::text[], $2::text[], $3::bigint[], $4::json[])
         on conflict (shop, pipeline, since) do update set rule = excluded.rule`,
        [...columns(saved), saved.map(({ rule }) => rule.since), saved.map(({ rule }) => JSON.stringify(rule))],
      );
      return [];
    });
  }
}

const columns = (all: readonly { readonly id: PipelineId }[]): [shops: string[], pipelines: string[]] => [
  all.map(({ id }) => id.shop),
  all.map(({ id }) => id.pipeline),
];
