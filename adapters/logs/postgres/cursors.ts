import { LogUnavailable, type Position } from '../log.ts';
import { beginning, changeAndRelease, resumed, settleAndRelease, suspendedBy } from '../progress-change.ts';
import type { Settlement } from '../settlement.ts';
import type { Cursor, Cursors, NamedStanding, Others, SettlementOrder, Standing } from '../state/cursors.ts';
import type { Progress, Suspension } from '../state/progress.ts';
import { keyOf, type PipelineId } from '../state/shared.ts';
import type { Ask } from './database.ts';
import type { Leases } from './leases.ts';
import { SCHEMA } from './schema.ts';
import { PostgresSettlements } from './settlements.ts';

interface Row {
  readonly progress: Progress;
  readonly moved: boolean;
  /** Since when no process moves it, in milliseconds since 1970. */
  readonly unmoved: number | null;
}

const ROW = `shop, pipeline, progress, coalesce(lease_until > now(), false) as moved,
  extract(epoch from case when lease_until is null then released_at when lease_until <= now() then lease_until end)::float8 * 1000 as unmoved`;

const columns = (ids: readonly PipelineId[]): [shops: string[], pipelines: string[]] => [
  ids.map(({ shop }) => shop),
  ids.map(({ pipeline }) => pipeline),
];

/** How long a change waits for the pipeline's holder. */
const CHANGE_MS = 30_000;

/** The cursors of all pipelines, for all processes of a database. Leases say who moves each. */
export class PostgresCursors implements Cursors {
  readonly #ask: Ask;
  readonly #leases: Leases;
  readonly #changeMs: number;
  readonly #settlements: PostgresSettlements;

  constructor(ask: Ask, leases: Leases, changeMs = CHANGE_MS) {
    this.#ask = ask;
    this.#leases = leases;
    this.#changeMs = changeMs;
    this.#settlements = new PostgresSettlements(ask);
  }

  others(): Promise<Others> {
    return this.#leases.others();
  }

  async begin({ shop, pipeline }: PipelineId, start?: Position): Promise<void> {
    const [known] = await this.#ask(`select 1 from ${SCHEMA}.pipelines where shop = $1 and pipeline = $2`, [
      shop,
      pipeline,
    ]);
    if (known) return;
    const at =
      start ?? Number((await this.#ask(`select newest from ${SCHEMA}.shops where name = $1`, [shop]))[0]?.newest ?? 0);
    await this.#ask(
      `insert into ${SCHEMA}.pipelines (shop, pipeline, progress) values ($1, $2, $3) on conflict do nothing`,
      [shop, pipeline, JSON.stringify(beginning(at))],
    );
  }

  async beginAll(ids: readonly PipelineId[]): Promise<void> {
    const missing = await this.#ask(
      `select k.shop, k.pipeline, coalesce(s.newest, 0) as newest
       from unnest($1::text[], $2::text[]) k(shop, pipeline) left join ${SCHEMA}.shops s on s.name = k.shop
       where not exists (select 1 from ${SCHEMA}.pipelines p where p.shop = k.shop and p.pipeline = k.pipeline)`,
      columns(ids),
    );
    if (missing.length === 0) return;
    await this.#ask(
      `insert into ${SCHEMA}.pipelines (shop, pipeline, progress) select * from unnest($1::text[], $2::text[], $3::json[])
       on conflict do nothing`,
      [
        missing.map(({ shop }) => shop),
        missing.map(({ pipeline }) => pipeline),
        missing.map(({ newest }) => JSON.stringify(beginning(Number(newest)))),
      ],
    );
  }

  claim(id: PipelineId, signal: AbortSignal): Promise<Cursor> {
    return this.#leases.claim(id, signal);
  }

  async progress(id: PipelineId): Promise<Progress | undefined> {
    return (await this.#row(id))?.progress;
  }

  async standing(id: PipelineId): Promise<Standing | undefined> {
    const [standing] = await this.standings([id]);
    return standing;
  }

  async standings(ids: readonly PipelineId[]): Promise<(Standing | undefined)[]> {
    const rows = await this.#rows(ids);
    return ids.map((id) => {
      const row = rows.get(keyOf(id));
      return row && this.#standing(id, row);
    });
  }

  async everyStanding(): Promise<NamedStanding[]> {
    const rows = await this.#ask(
      `select ${ROW} from ${SCHEMA}.pipelines order by shop collate "C", pipeline collate "C"`,
    );
    return rows.map((row) => {
      const id = { shop: String(row.shop), pipeline: String(row.pipeline) };
      return { id, ...this.#standing(id, row as unknown as Row) };
    });
  }

  #standing(id: PipelineId, { progress, moved, unmoved }: Row): Standing {
    if (moved || this.#leases.holds(id)) return { progress, moved: true };
    return { progress, moved: false, ...(unmoved !== null && { unmovedSince: Math.round(unmoved) }) };
  }

  async settle(id: PipelineId, settlement: Settlement): Promise<Progress | undefined> {
    if ((await this.#row(id)) === undefined) return undefined;
    return settleAndRelease(await this.take(id), settlement);
  }

  async settleAll(orders: readonly SettlementOrder[]): Promise<void> {
    if (orders.length === 0) return;
    const left = await this.#settlements.together(orders);
    for (const { id, settlement } of left) await this.settle(id, settlement);
  }

  async forget({ shop, pipeline }: PipelineId): Promise<boolean> {
    const [gone] = await this.#ask(FORGET, [shop, pipeline]);
    return gone !== undefined;
  }

  suspend(id: PipelineId, suspension: Suspension): Promise<boolean> {
    return this.#change(id, suspendedBy(suspension));
  }

  resume(id: PipelineId): Promise<boolean> {
    return this.#change(id, resumed);
  }

  async #change(id: PipelineId, change: (progress: Progress) => Progress): Promise<boolean> {
    if ((await this.#row(id)) === undefined) return false;
    await changeAndRelease(await this.take(id), change);
    return true;
  }

  /** Asks the holder of a pipeline to give it up, and takes it. Rejects with LogUnavailable if the holder does not. */
  take(id: PipelineId): Promise<Cursor> {
    const late = AbortSignal.timeout(this.#changeMs);
    return this.#leases.claim(id, late, true).catch((error: unknown) => {
      if (!late.aborted) throw error;
      throw new LogUnavailable(
        `the pipeline ${id.pipeline} of ${id.shop} was not given up within ${this.#changeMs / 1000} s by the process that moves it`,
      );
    });
  }

  async #row(id: PipelineId): Promise<Row | undefined> {
    return (await this.#rows([id])).get(keyOf(id));
  }

  async #rows(ids: readonly PipelineId[]): Promise<Map<string, Row>> {
    const rows = await this.#ask(
      `select ${ROW} from ${SCHEMA}.pipelines join unnest($1::text[], $2::text[]) k(shop, pipeline) using (shop, pipeline)`,
      columns(ids),
    );
    return new Map(rows.map((row) => [keyOf(row as unknown as PipelineId), row as unknown as Row]));
  }
}

const FORGET = `
with gone as (
  delete from ${SCHEMA}.pipelines p where p.shop = $1 and p.pipeline = $2 and (p.owner is null or p.lease_until < now())
  and not exists (select from ${SCHEMA}.dead d where d.pipeline = p.id and not d.ended) returning id
), journal as (
  delete from ${SCHEMA}.journal j using gone where j.pipeline = gone.id
), dead as (
  delete from ${SCHEMA}.dead d using gone where d.pipeline = gone.id
), rules as (
  delete from ${SCHEMA}.rules r using gone where r.shop = $1 and r.pipeline = $2
)
select id from gone`;
