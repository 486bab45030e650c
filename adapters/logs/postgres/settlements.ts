import { settledBy } from '../settlement.ts';
import type { SettlementOrder } from '../state/cursors.ts';
import type { Progress } from '../state/progress.ts';
import { keyOf } from '../state/shared.ts';
import type { Ask } from './database.ts';
import { SCHEMA } from './schema.ts';

/** Settles many pipelines that no process moves with two statements. */
export class PostgresSettlements {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Gives the ones that must be settled one by one: somebody moves them or moved them just now, or more than their progress changes. */
  async together(orders: readonly SettlementOrder[]): Promise<SettlementOrder[]> {
    const rows = await this.#ask(FREE, [orders.map(({ id }) => id.shop), orders.map(({ id }) => id.pipeline)]);
    const free = new Map(rows.map((row) => [keyOf({ shop: String(row.shop), pipeline: String(row.pipeline) }), row]));
    const left: SettlementOrder[] = [];
    const changes: {
      readonly order: SettlementOrder;
      readonly row: number;
      readonly was: string;
      readonly progress: Progress;
    }[] = [];
    for (const order of orders) {
      const found = free.get(keyOf(order.id));
      const update = found && settledBy(found.progress as Progress, order.settlement);
      if (found === undefined || update?.journal) left.push(order);
      else if (update)
        changes.push({ order, row: Number(found.id), was: String(found.was), progress: update.progress });
    }
    if (changes.length === 0) return left;
    const changed = await this.#ask(CHANGE, [
      changes.map(({ row }) => row),
      changes.map(({ was }) => was),
      changes.map(({ progress }) => JSON.stringify(progress)),
    ]);
    const done = new Set(changed.map(({ id }) => Number(id)));
    return [...left, ...changes.flatMap(({ order, row }) => (done.has(row) ? [] : [order]))];
  }
}

// A process whose lease has expired may return and save as long as it is the owner, so ownership is removed first.
const FREE = `
select p.shop, p.pipeline, p.id, p.progress, p.progress::text as was
from ${SCHEMA}.pipelines p join unnest($1::text[], $2::text[]) k(shop, pipeline) using (shop, pipeline) where p.owner is null`;

const CHANGE = `
update ${SCHEMA}.pipelines p set progress = v.progress from unnest($1::int[], $2::text[], $3::json[]) v(id, was, progress)
where p.id = v.id and p.owner is null and p.progress::text = v.was returning p.id`;
