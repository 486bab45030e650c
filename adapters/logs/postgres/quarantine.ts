import { READ_BYTES } from '../log.ts';
import { headOf, indexed, numberOf } from '../quarantine-head.ts';
import type { Quarantine, Quarantined, QuarantinedHead, QuarantineSums } from '../state/quarantine.ts';
import type { Page } from '../state/shared.ts';
import type { StoreOptions } from '../store.ts';
import type { Ask } from './database.ts';
import { SCHEMA } from './schema.ts';

/** Whole entries read at once: each may have a body of 256 KB. */
const WHOLE_AT_ONCE = 20;

type Row = Record<string, unknown>;
type Limits = Pick<StoreOptions, 'quarantineMaxBytes' | 'quarantineMs' | 'now'>;

/** Quarantined events in PostgreSQL: `append` keeps and releases them, triggers keep their heads. */
export class PostgresQuarantine implements Quarantine {
  readonly #ask: Ask;
  readonly #limits: Limits;
  /** Resolves when the heads that were empty at the start are filled. */
  readonly #filled: Promise<void>;
  #closed = false;

  constructor(ask: Ask, limits: Limits) {
    this.#ask = ask;
    this.#limits = limits;
    this.#filled = this.#fillAll();
  }

  async page(shop: string, { limit, after = '0' }: Page): Promise<Quarantined[]> {
    const rows = await this.#ask(
      `select q.id, q.entry from (
         select h.shop, h.id, sum(coalesce(h.bytes, 262144)) over (order by h.id) - coalesce(h.bytes, 262144) as before
         from ${SCHEMA}.quarantine_heads h where h.shop = ${OF} and h.id > $2 order by h.id limit $3
       ) h join ${SCHEMA}.quarantine q on q.shop = h.shop and q.id = h.id where h.before < $4 order by q.id`,
      [shop, after, limit, READ_BYTES],
    );
    return rows.map(wholeOf);
  }

  async heads(shop: string, { limit, after = '0' }: Page): Promise<QuarantinedHead[]> {
    await this.#filled;
    const rows = await this.#ask(
      `select shop, id, head from ${SCHEMA}.quarantine_heads where shop = ${OF} and id > $2 order by id limit $3`,
      [shop, after, limit],
    );
    return this.#complete(rows);
  }

  async at(shop: string, id: string): Promise<Quarantined | undefined> {
    if (numberOf(id) === undefined) return undefined;
    const [row] = await this.#ask(`select id, entry from ${SCHEMA}.quarantine where shop = ${OF} and id = $2`, [
      shop,
      id,
    ]);
    return row && wholeOf(row);
  }

  async about(shop: string, eventId: string, { limit, after = '0' }: Page): Promise<QuarantinedHead[]> {
    await this.#filled;
    const rows = await this.#ask(
      `(select shop, id, head from ${SCHEMA}.quarantine_heads where shop = ${OF} and about = $2::uuid and id > $4 order by id limit $3)
       union all (select shop, id, head from ${SCHEMA}.quarantine_heads where shop = ${OF} and head is null and id > $4 order by id limit $3)`,
      [shop, indexed(eventId), limit, after],
    );
    const heads = await this.#complete(rows);
    return heads.filter((head) => head.eventId !== undefined && indexed(head.eventId) === indexed(eventId));
  }

  async sums(shops: readonly string[]): Promise<QuarantineSums[]> {
    const rows = await this.#ask(
      `select s.name, q.kept, q.bytes, q.oversized, q.aged,
         greatest(0, c.counted - q.kept - q.discarded - q.oversized - q.aged) as crowded
       from ${SCHEMA}.shops s join ${SCHEMA}.quarantine_sums q on q.shop = s.id cross join lateral (
         select coalesce(sum(r.count), 0) as counted from ${SCHEMA}.refusals r where r.shop = q.shop
       ) c where s.name = any($1)`,
      [shops],
    );
    const byShop = new Map(rows.map((row) => [String(row.name), row]));
    return shops.map((shop) => {
      const count = (name: string): number => Number(byShop.get(shop)?.[name] ?? 0);
      const dropped = { count: count('crowded'), bytes: count('oversized'), age: count('aged') };
      return { kept: count('kept'), bytes: count('bytes'), dropped };
    });
  }

  async discard(shop: string, ids: readonly string[]): Promise<number> {
    const numbers = ids.filter((id) => numberOf(id) !== undefined);
    const [row] = await this.#ask(`select gone from ${SCHEMA}.discard_quarantined_1($1, $2)`, [shop, numbers]);
    return Number(row?.gone ?? 0);
  }

  async limit(shops: readonly string[]): Promise<void> {
    if (shops.length === 0) return;
    const { quarantineMaxBytes, quarantineMs, now } = this.#limits;
    const since = now() - quarantineMs;
    const rows = await this.#ask(
      `select s.name from ${SCHEMA}.shops s join ${SCHEMA}.quarantine_sums q on q.shop = s.id
       where s.name = any($1) and (q.bytes > $2
         or (select h.at from ${SCHEMA}.quarantine_heads h where h.shop = s.id order by h.id limit 1) < $3)`,
      [shops, quarantineMaxBytes, since],
    );
    for (const { name } of rows)
      await this.#ask(`select ${SCHEMA}.limit_quarantine_1($1, $2, $3)`, [name, quarantineMaxBytes, since]);
  }

  /** Nothing is filled in after it. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#filled;
  }

  /** Fills some at a time. The rest is filled when somebody asks for it. */
  async #fillAll(): Promise<void> {
    try {
      for (;;) {
        const rows = await this.#ask(
          `select shop, id, head from ${SCHEMA}.quarantine_heads where head is null order by shop, id limit ${WHOLE_AT_ONCE}`,
          [],
        );
        if (rows.length === 0 || this.#closed || (await this.#complete(rows)).length === 0) return;
      }
    } catch {
      // The database is unreachable.
    }
  }

  /** The heads of rows; empty ones are filled first. */
  async #complete(rows: readonly Row[]): Promise<QuarantinedHead[]> {
    const heads = new Map(rows.map((row) => [nameOf(row), row.head ? headFrom(row) : undefined]));
    const empty = rows.filter(({ head }) => !head);
    for (let i = 0; i < empty.length; i += WHOLE_AT_ONCE) {
      for (const head of await this.#fill(empty.slice(i, i + WHOLE_AT_ONCE))) heads.set(head.name, head.head);
    }
    return [...heads.values()].flatMap((head) => head ?? []);
  }

  async #fill(rows: readonly Row[]): Promise<{ readonly name: string; readonly head: QuarantinedHead }[]> {
    const entries = await this.#ask(
      `select q.shop, q.id, q.entry from ${SCHEMA}.quarantine q join unnest($1::int[], $2::bigint[]) w(shop, id) on q.shop = w.shop and q.id = w.id`,
      [rows.map(({ shop }) => shop), rows.map(({ id }) => id)],
    );
    const filled = entries.map((row) => ({ shop: Number(row.shop), name: nameOf(row), head: headOf(wholeOf(row)) }));
    for (const shop of new Set(filled.map((one) => one.shop))) {
      const heads = filled.filter((one) => one.shop === shop).map(({ head }) => head);
      await this.#ask(`select ${SCHEMA}.fill_heads_1($1, $2, $3, $4, $5::uuid[], $6::json[])`, [
        shop,
        heads.map(({ id }) => id),
        heads.map(({ at }) => at),
        heads.map(({ bytes }) => bytes),
        heads.map(({ eventId }) => (eventId === undefined ? null : indexed(eventId))),
        heads.map((head) => JSON.stringify(head)),
      ]);
    }
    return filled;
  }
}

const OF = `(select s.id from ${SCHEMA}.shops s where s.name = $1)`;
const nameOf = ({ shop, id }: Row): string => `${String(shop)}/${String(id)}`;
const wholeOf = ({ id, entry }: Row): Quarantined => ({ ...(entry as Quarantined), id: String(id) });
const headFrom = ({ id, head }: Row): QuarantinedHead => ({ ...(head as QuarantinedHead), id: String(id) });
