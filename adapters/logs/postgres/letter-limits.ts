import {
  type Going,
  LET_GO_A_CALL,
  LET_GO_AT_ONCE,
  type LetterLimits,
  letGo,
  lettersToGo,
  NONE_LET_GO,
} from '../letting-go.ts';
import type { DeadLetter, DeadLetterLimit } from '../state/dead-letters.ts';
import { keyOf, type PipelineId } from '../state/shared.ts';
import type { Ask } from './database.ts';
import { SCHEMA } from './schema.ts';

/** Removes dead letters above the limits, and counts them. */
export class PostgresLetterLimits {
  readonly #ask: Ask;
  readonly #limits: LetterLimits;
  /** Where the next search for old letters begins, by pipeline: letters need not be in order of age. */
  readonly #seen = new Map<string, number>();

  constructor(ask: Ask, limits: LetterLimits) {
    this.#ask = ask;
    this.#limits = limits;
  }

  async counts(ids: readonly PipelineId[]): Promise<Readonly<Record<DeadLetterLimit, number>>[]> {
    const rows = await this.#ask(
      `select p.shop, p.pipeline, l.count, l.age from ${SCHEMA}.letters_let_go l join ${SCHEMA}.pipelines p on p.id = l.pipeline`,
    );
    const known = new Map(
      rows.map((row) => [keyOf(row as unknown as PipelineId), { count: Number(row.count), age: Number(row.age) }]),
    );
    return ids.map((id) => known.get(keyOf(id)) ?? NONE_LET_GO);
  }

  async apply(ids: readonly PipelineId[]): Promise<void> {
    // The excess ends at the same position for every process, so two that run at once remove the same letters.
    const rows = await this.#ask(
      `select p.id, p.shop, p.pipeline, coalesce(d.position, 0) as up_to from ${SCHEMA}.pipelines p
       join unnest($1::text[], $2::text[]) k(shop, pipeline) on k.shop = p.shop and k.pipeline = p.pipeline
       left join lateral (
         select position from ${SCHEMA}.dead d where d.pipeline = p.id and not d.ended order by position desc offset $3 limit 1
       ) d on true
       where exists (select from ${SCHEMA}.dead d where d.pipeline = p.id and not d.ended)`,
      [ids.map(({ shop }) => shop), ids.map(({ pipeline }) => pipeline), this.#limits.deadLettersMax],
    );
    for (const { id, up_to, ...name } of rows) {
      const key = keyOf(name as unknown as PipelineId);
      const upTo = Number(up_to);
      if (upTo > 0) await this.#letGo(Number(id), 0, upTo);
      this.#seen.set(key, await this.#letGo(Number(id), this.#seen.get(key) ?? 0, 0));
    }
  }

  /** Checks some letters after a position; gives the position to continue at, or 0 after the last. */
  async #letGo(pipeline: number, from: number, upTo: number): Promise<number> {
    let after = from;
    for (let looked = 0; looked < LET_GO_A_CALL; looked += LET_GO_AT_ONCE) {
      const rows = await this.#ask(
        `select letter, redrive from ${SCHEMA}.dead
         where pipeline = $1 and not ended and position > $2 and ($3 = 0 or position <= $3) order by position limit $4`,
        [pipeline, after, upTo, LET_GO_AT_ONCE],
      );
      const letters = rows.map(({ letter, redrive }) => ({
        ...(letter as DeadLetter),
        ...(redrive === true && { redrive }),
      }));
      const gone = lettersToGo(letters, upTo, this.#limits);
      if (gone.length > 0) await this.#save(pipeline, gone);
      if (letters.length < LET_GO_AT_ONCE) return 0;
      after = letters.at(-1)?.position ?? 0;
    }
    return after;
  }

  /** Leaves letters that have ended or were marked meanwhile. */
  async #save(pipeline: number, gone: readonly Going[]): Promise<void> {
    const at = this.#limits.now();
    await this.#ask(
      `with gone as (
         update ${SCHEMA}.dead d set ended = true, letter = l.letter
         from unnest($2::bigint[], $3::text[], $4::json[]) l(position, "limit", letter)
         where d.pipeline = $1 and d.position = l.position and not d.ended and not d.redrive returning l."limit"
       )
       insert into ${SCHEMA}.letters_let_go as c (pipeline, count, age)
       select $1, count(*) filter (where "limit" = 'count'), count(*) filter (where "limit" = 'age') from gone
       on conflict (pipeline) do update set count = c.count + excluded.count, age = c.age + excluded.age`,
      [
        pipeline,
        gone.map(({ letter }) => letter.position),
        gone.map(({ limit }) => limit),
        gone.map(({ letter, limit }) => JSON.stringify(letGo(letter, limit, at))),
      ],
    );
  }
}
