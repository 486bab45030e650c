import { beginning, changeOn, keyOf, resumed, settleOn, suspendedBy } from '../holders.ts';
import { LogUnavailable, type Position, READ_BYTES } from '../log.ts';
import type { ReplayChange } from '../replay-change.ts';
import type { Settlement } from '../settlement.ts';
import type {
  Cursor,
  DeadLetter,
  DeadLetterLimit,
  Job,
  JournalLine,
  NamedStanding,
  Others,
  Page,
  PipelineId,
  Progress,
  Quarantined,
  QuarantinedHead,
  QuarantineSums,
  Replay,
  Rule,
  SettlementOrder,
  Standing,
  State,
  Suspension,
} from '../state.ts';
import type { Ask } from './database.ts';
import { PostgresJobs } from './jobs.ts';
import type { Leases } from './leases.ts';
import type { PostgresLetterLimits } from './letter-limits.ts';
import type { PostgresQuarantine } from './quarantine.ts';
import { PostgresReplays } from './replays.ts';
import { PostgresRules } from './rules.ts';
import { SCHEMA } from './schema.ts';
import { PostgresSettlements } from './settlements.ts';

const OF = `(select id from ${SCHEMA}.pipelines where shop = $1 and pipeline = $2)`;

// The database cannot look into a JSON text with a zero byte or half a character: it gets it without.
const READABLE = String.raw`regexp_replace(letter::text, '\\u(0000|d[89a-f][0-9a-f]{2})', '\\ufffd', 'gi')::json`;

const LETTER = 'letter, redrive';
const letterOf = ({ letter, redrive }: Record<string, unknown>): DeadLetter => ({
  ...(letter as DeadLetter),
  ...(redrive === true && { redrive }),
});

interface Row {
  readonly progress: Progress;
  readonly moved: boolean;
  /** Since when it is not, in milliseconds since 1970. */
  readonly unmoved: number | null;
}

const ROW = `shop, pipeline, progress, coalesce(lease_until > now(), false) as moved,
  extract(epoch from case when lease_until is null then released_at when lease_until <= now() then lease_until end)::float8 * 1000 as unmoved`;

const columns = (ids: readonly PipelineId[]): [shops: string[], pipelines: string[]] => [
  ids.map(({ shop }) => shop),
  ids.map(({ pipeline }) => pipeline),
];

const CHANGE_MS = 30_000;

/** The state beside the log, in the same database. */
export class PostgresState implements State {
  readonly #ask: Ask;
  readonly #leases: Leases;
  readonly #tell: () => void;
  readonly #changeMs: number;
  readonly #quarantine: PostgresQuarantine;
  readonly #letterLimits: PostgresLetterLimits;
  readonly #jobs: PostgresJobs;
  readonly #rules: PostgresRules;
  readonly #replays: PostgresReplays;
  readonly #settlements: PostgresSettlements;

  /** `tell`: has the other processes look what has changed. `changeMs`: how long a suspension waits for the process that moves the pipeline. */
  constructor(
    ask: Ask,
    leases: Leases,
    quarantine: PostgresQuarantine,
    letterLimits: PostgresLetterLimits,
    tell: () => void,
    changeMs = CHANGE_MS,
  ) {
    this.#letterLimits = letterLimits;
    this.#changeMs = changeMs;
    this.#quarantine = quarantine;
    this.#jobs = new PostgresJobs(ask);
    this.#rules = new PostgresRules(ask);
    this.#settlements = new PostgresSettlements(ask);
    this.#ask = ask;
    this.#leases = leases;
    this.#tell = tell;
    this.#replays = new PostgresReplays(ask, () => {
      leases.beat();
      tell();
    });
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
    return settleOn(await this.#take(id), settlement);
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

  async journalAt({ shop, pipeline }: PipelineId, position: Position): Promise<JournalLine | undefined> {
    const [row] = await this.#ask(
      `select line from ${SCHEMA}.journal where pipeline = ${OF} and first <= $3 order by first desc limit 1`,
      [shop, pipeline, position],
    );
    const line = row?.line as JournalLine | undefined;
    return line && line.to >= position ? line : undefined;
  }

  ruleAt(id: PipelineId, position: Position): Promise<Rule | undefined> {
    return this.#rules.at({ id, position });
  }

  saveRule(id: PipelineId, rule: Rule): Promise<void> {
    return this.#rules.save({ id, rule });
  }

  dead(id: PipelineId, page: Page): Promise<DeadLetter[]> {
    return this.#letterPage(id, page, 'not ended');
  }

  async deadAt({ shop, pipeline }: PipelineId, position: Position): Promise<DeadLetter | undefined> {
    const [row] = await this.#ask(`select ${LETTER} from ${SCHEMA}.dead where pipeline = ${OF} and position = $3`, [
      shop,
      pipeline,
      position,
    ]);
    return row && letterOf(row);
  }

  async undelivered({ shop, pipeline }: PipelineId, after: Position, to: Position): Promise<Position[]> {
    const rows = await this.#ask(
      `select position from ${SCHEMA}.dead where pipeline = ${OF} and position > $3 and position <= $4
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
    this.#leases.beat();
    this.#tell();
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
           where pipeline = ${OF} and ${which} and position > $3 order by position limit $4
         ) those
       ) counted where before < $5 order by position`,
      [shop, pipeline, after, limit, READ_BYTES],
    );
    return rows.map(letterOf);
  }

  async discardDead(id: PipelineId, positions: readonly Position[], at: number): Promise<number> {
    const { count, left } = await this.#discard(id, positions, at, false);
    if (left.length === 0) return count;
    const cursor = await this.#take(id);
    try {
      return count + (await this.#discard(id, left, at, true)).count;
    } finally {
      await cursor.release();
    }
  }

  /** In one statement, so that none is marked meanwhile. Gives how many it let go, and those that are marked and were left alone; none, if `all`. */
  async #discard({ shop, pipeline }: PipelineId, positions: readonly Position[], at: number, all: boolean) {
    const rows = await this.#ask(
      `with chosen as (
         select pipeline, position, redrive and not $5 as held from ${SCHEMA}.dead
         where pipeline = ${OF} and not ended and position = any($3) for update
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

  limitDead(ids: readonly PipelineId[]): Promise<void> {
    return this.#letterLimits.apply(ids);
  }

  deadLetGo(ids: readonly PipelineId[]): Promise<Readonly<Record<DeadLetterLimit, number>>[]> {
    return this.#letterLimits.counts(ids);
  }

  quarantined(shop: string, page: Page): Promise<Quarantined[]> {
    return this.#quarantine.page(shop, page);
  }

  quarantineHeads(shop: string, page: Page): Promise<QuarantinedHead[]> {
    return this.#quarantine.heads(shop, page);
  }

  quarantinedAt(shop: string, id: string): Promise<Quarantined | undefined> {
    return this.#quarantine.at(shop, id);
  }

  quarantinedAbout(shop: string, eventId: string, page: Page): Promise<QuarantinedHead[]> {
    return this.#quarantine.about(shop, eventId, page);
  }

  quarantineSums(shops: readonly string[]): Promise<QuarantineSums[]> {
    return this.#quarantine.sums(shops);
  }

  discardQuarantined(shop: string, ids: readonly string[]): Promise<number> {
    return this.#quarantine.discard(shop, ids);
  }

  limitQuarantine(shops: readonly string[]): Promise<void> {
    return this.#quarantine.limit(shops);
  }

  startJob(job: Omit<Job, 'id'>, silentSince: number): Promise<{ readonly job: Job; readonly started: boolean }> {
    return this.#jobs.start(job, silentSince);
  }

  saveJob(job: Job): Promise<Job> {
    return this.#jobs.save(job);
  }

  jobs(): Promise<Job[]> {
    return this.#jobs.all();
  }

  addReplay(replay: Omit<Replay, 'id'>): Promise<Replay> {
    return this.#replays.add(replay);
  }

  changeReplay(id: string, change: ReplayChange): Promise<Replay | undefined> {
    return this.#replays.change(id, change);
  }

  removeReplay(id: string): Promise<void> {
    return this.#replays.remove(id);
  }

  replays(): Promise<Replay[]> {
    return this.#replays.all();
  }

  replaysChanged(): AbortSignal {
    return this.#leases.replaysChanged();
  }

  async #change(id: PipelineId, change: (progress: Progress) => Progress): Promise<boolean> {
    if ((await this.#row(id)) === undefined) return false;
    await changeOn(await this.#take(id), change);
    return true;
  }

  /** Has whoever moves a pipeline give it up, and takes it. */
  #take(id: PipelineId): Promise<Cursor> {
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
