import { type Position, READ_BYTES } from '../log.ts';
import type { DeadLetter, DeadLetterLimit, DeadLetters } from '../state/dead-letters.ts';
import type { Page, PipelineId } from '../state/shared.ts';
import type { PostgresCursors } from './cursors.ts';
import type { Ask } from './database.ts';
import type { PostgresLetterLimits } from './letter-limits.ts';
import { PIPELINE_ROW, SCHEMA } from './schema.ts';

// PostgreSQL cannot parse JSON with a zero byte or half a surrogate pair, so these are removed first.
const READABLE = String.raw`regexp_replace(letter::text, '\\u(0000|d[89a-f][0-9a-f]{2})', '\\ufffd', 'gi')::json`;

const LETTER = 'letter, redrive';
const letterOf = ({ letter, redrive }: Record<string, unknown>): DeadLetter => ({
  ...(letter as DeadLetter),
  ...(redrive === true && { redrive }),
});

/** The dead letters in a database. */
export class PostgresDeadLetters implements DeadLetters {
  readonly #ask: Ask;
  readonly #cursors: PostgresCursors;
  readonly #limits: PostgresLetterLimits;
  readonly #onMarked: () => void;

  /** `onMarked`: makes all processes look for marked letters. */
  constructor(ask: Ask, cursors: PostgresCursors, limits: PostgresLetterLimits, onMarked: () => void) {
    this.#ask = ask;
    this.#cursors = cursors;
    this.#limits = limits;
    this.#onMarked = onMarked;
  }

  open(id: PipelineId, page: Page): Promise<DeadLetter[]> {
    return this.#letterPage(id, page, 'not ended');
  }

  async at({ shop, pipeline }: PipelineId, position: Position): Promise<DeadLetter | undefined> {
    const [row] = await this.#ask(
      `select ${LETTER} from ${SCHEMA}.dead where pipeline = ${PIPELINE_ROW} and position = $3`,
      [shop, pipeline, position],
    );
    return row && letterOf(row);
  }

  async undelivered({ shop, pipeline }: PipelineId, after: Position, to: Position): Promise<Position[]> {
    const rows = await this.#ask(
      `select position from ${SCHEMA}.dead where pipeline = ${PIPELINE_ROW} and position > $3 and position <= $4
       and (not ended or ${READABLE}->'ended'->>'kind' <> 'delivered') order by position`,
      [shop, pipeline, after, to],
    );
    return rows.map(({ position }) => Number(position));
  }

  async redrive({ shop, pipeline }: PipelineId, positions: readonly Position[]): Promise<number> {
    const marked = await this.#ask(
      `with counted as (update ${SCHEMA}.pipelines set redrives = redrives + 1 where shop = $1 and pipeline = $2 returning id)
       update ${SCHEMA}.dead d set redrive = true from counted where d.pipeline = counted.id and not d.ended and d.position = any($3)
       returning d.position`,
      [shop, pipeline, positions],
    );
    this.#onMarked();
    return marked.length;
  }

  marked(id: PipelineId, page: Page): Promise<DeadLetter[]> {
    return this.#letterPage(id, page, 'redrive and not ended');
  }

  async #letterPage(
    { shop, pipeline }: PipelineId,
    { limit, after = '0' }: Page,
    which: string,
  ): Promise<DeadLetter[]> {
    const rows = await this.#ask(
      `select ${LETTER} from (
         select position, letter, redrive, sum(length(letter::text)) over (order by position) - length(letter::text) as before from (
           select position, letter, redrive from ${SCHEMA}.dead
           where pipeline = ${PIPELINE_ROW} and ${which} and position > $3 order by position limit $4
         ) those
       ) counted where before < $5 order by position`,
      [shop, pipeline, after, limit, READ_BYTES],
    );
    return rows.map(letterOf);
  }

  async discard(id: PipelineId, positions: readonly Position[], at: number): Promise<number> {
    const { count, left } = await this.#discard(id, positions, at, false);
    if (left.length === 0) return count;
    const cursor = await this.#cursors.take(id);
    try {
      return count + (await this.#discard(id, left, at, true)).count;
    } finally {
      await cursor.release();
    }
  }

  /** In one statement, so that none is marked in between. Gives the number discarded, and the marked ones that were left alone (none if `all`). */
  async #discard({ shop, pipeline }: PipelineId, positions: readonly Position[], at: number, all: boolean) {
    const rows = await this.#ask(
      `with chosen as (
         select pipeline, position, redrive and not $5 as held from ${SCHEMA}.dead
         where pipeline = ${PIPELINE_ROW} and not ended and position = any($3) for update
       ), discarded as (
         update ${SCHEMA}.dead d set ended = true, redrive = false, letter = (left(d.letter::text, -1) || ',"ended":' || json_build_object(
           'kind', 'discarded', 'at', $4::bigint, 'attempts', ${READABLE}->'attempts', 'status', ${READABLE}->'reason') || '}')::json
         from chosen c where d.pipeline = c.pipeline and d.position = c.position and not c.held
       )
       select position, held from chosen`,
      [shop, pipeline, positions, at, all],
    );
    const left = rows.filter(({ held }) => held === true).map(({ position }) => Number(position));
    return { count: rows.length - left.length, left };
  }

  limit(ids: readonly PipelineId[]): Promise<void> {
    return this.#limits.apply(ids);
  }

  letGo(ids: readonly PipelineId[]): Promise<Readonly<Record<DeadLetterLimit, number>>[]> {
    return this.#limits.counts(ids);
  }
}
