import type { Position } from '../log.ts';
import type { Journal, JournalLine, Rule } from '../state/journal.ts';
import { keyOf, type PipelineId } from '../state/shared.ts';
import type { Ask } from './database.ts';
import { gather } from './gather.ts';
import { PIPELINE_ROW, SCHEMA } from './schema.ts';

/** Every pipeline asks for its last rule when it starts; the queries of one turn are combined. */
const AT_ONCE = 500;

interface RuleSaved {
  readonly id: PipelineId;
  readonly rule: Rule;
}

interface RuleAsked {
  readonly id: PipelineId;
  readonly position: Position;
}

/** The journal in a database, and the past filters. */
export class PostgresJournal implements Journal {
  readonly #ask: Ask;
  readonly #ruleAt: (asked: RuleAsked) => Promise<Rule | undefined>;
  readonly #saveRule: (saved: RuleSaved) => Promise<void>;

  constructor(ask: Ask) {
    this.#ask = ask;
    this.#ruleAt = gather(AT_ONCE, (asked) => rulesAt(ask, asked));
    this.#saveRule = gather(AT_ONCE, (saved) => saveRules(ask, saved));
  }

  async lineAt({ shop, pipeline }: PipelineId, position: Position): Promise<JournalLine | undefined> {
    const [row] = await this.#ask(
      `select line from ${SCHEMA}.journal where pipeline = ${PIPELINE_ROW} and first <= $3 order by first desc limit 1`,
      [shop, pipeline, position],
    );
    const line = row?.line as JournalLine | undefined;
    return line && line.to >= position ? line : undefined;
  }

  ruleAt(id: PipelineId, position: Position): Promise<Rule | undefined> {
    return this.#ruleAt({ id, position });
  }

  saveRule(id: PipelineId, rule: Rule): Promise<void> {
    return this.#saveRule({ id, rule });
  }
}

async function rulesAt(ask: Ask, asked: readonly RuleAsked[]): Promise<(Rule | undefined)[]> {
  const rows = await ask(
    `select (select r.rule from ${SCHEMA}.rules r where r.shop = k.shop and r.pipeline = k.pipeline and r.since <= k.position
       order by r.since desc limit 1) as rule
     from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality k(shop, pipeline, position, n) order by k.n`,
    [...columns(asked), asked.map(({ position }) => position)],
  );
  return rows.map(({ rule }) => (rule ?? undefined) as Rule | undefined);
}

async function saveRules(ask: Ask, given: readonly RuleSaved[]): Promise<undefined[]> {
  // Of two at the same position the last counts.
  const saved = [...new Map(given.map((one) => [`${keyOf(one.id)} ${one.rule.since}`, one])).values()];
  await ask(
    `insert into ${SCHEMA}.rules (shop, pipeline, since, rule)
     select * from unnest($1::text[], $2::text[], $3::bigint[], $4::json[])
     on conflict (shop, pipeline, since) do update set rule = excluded.rule`,
    [...columns(saved), saved.map(({ rule }) => rule.since), saved.map(({ rule }) => JSON.stringify(rule))],
  );
  return [];
}

const columns = (all: readonly { readonly id: PipelineId }[]): [shops: string[], pipelines: string[]] => [
  all.map(({ id }) => id.shop),
  all.map(({ id }) => id.pipeline),
];
