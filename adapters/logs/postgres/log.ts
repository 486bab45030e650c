import { hexOf } from '../id-hash.ts';
import {
  type EventLog,
  type Extent,
  type LogRecord,
  LogUnavailable,
  type Place,
  type Position,
  type Rest,
  type Stored,
  type Tally,
  type Trimmed,
  type TrimOptions,
  UnreadableEvents,
  type Verdict,
} from '../log.ts';
import type { StoreOptions } from '../store.ts';
import { NOTHING } from '../tally.ts';
import { PostgresArrivals } from './arrivals.ts';
import { Commit, Renames } from './commit.ts';
import type { Ask, Connection, Row } from './database.ts';
import type { PostgresForm } from './format.ts';
import { withOldIds } from './old-ids.ts';
import { COMMIT_EVENTS, PostgresPages } from './pages.ts';
import { restsBehind } from './rests.ts';
import { SCHEMA } from './schema.ts';
import { talliesOf } from './tallies.ts';
import { dayName, trim } from './trim.ts';

const WAITING_BYTES = 64 * 1024 * 1024;
/** Most bytes of one commit: the rest goes into the next. */
const COMMIT_BYTES = 1024 * 1024;
const PATIENCE_MS = 1000;
const DAY_MS = 24 * 3_600_000;

interface Waiting {
  readonly record: LogRecord;
  readonly resolve: (verdicts: Verdict[]) => void;
  readonly reject: (error: Error) => void;
}

export interface PostgresLogTools {
  readonly writer: Connection;
  /** For deliveries. */
  readonly reader: Connection;
  /** For everything else, so that neither appends nor deliveries wait for it. */
  readonly side: Connection;
  readonly durability: EventLog['durability'];
  readonly form: PostgresForm;
  readonly options: StoreOptions;
  /** Called with the newest positions after a commit of this process. */
  readonly onNewest: (newest: ReadonlyMap<string, Position>) => void;
}

/** The log in PostgreSQL: one page per shop and commit, as in the embedded log. Any number of processes may write and read it. */
export class PostgresLog implements EventLog {
  readonly durability: EventLog['durability'];
  readonly #tools: PostgresLogTools;
  readonly #pages: PostgresPages;
  readonly #arrivals = new PostgresArrivals();
  readonly #refusing = new Set<string>();
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #committing: Promise<void> | undefined;
  #failure: Error | undefined;
  /** A record without events, of the shop whose commit was the last to fail. */
  #nothing: LogRecord | undefined;
  #closed = false;

  constructor(tools: PostgresLogTools) {
    this.durability = tools.durability;
    this.#tools = tools;
    this.#pages = new PostgresPages(tools.reader.ask, tools.options);
  }

  /** Why the last commit failed, until one succeeds. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  append(record: LogRecord, onJoined: () => void = () => {}): Promise<Verdict[]> {
    if (this.#closed) return Promise.reject(new LogUnavailable('the log is closed'));
    if (this.#waitingBytes > WAITING_BYTES) return Promise.reject(new LogUnavailable('the database cannot keep up'));
    onJoined();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      this.#waitingBytes += record.body.length;
      // First let requests that were already read be admitted: they share the commit.
      this.#committing ??= new Promise(setImmediate).then(() => this.#commitAll());
    });
  }

  /**
   * After a failed commit, tries an empty one; success ends the failure. A process that gets no traffic because it is not ready would otherwise
   * never notice. Call it regularly.
   */
  tryAgain(): void {
    if (this.#nothing && !this.#committing) this.append(this.#nothing).catch(() => {});
  }

  async read(shop: string, after: Position, limit: number, signal: AbortSignal): Promise<Stored[]> {
    for (let from = after; ; ) {
      // Read before the log: events that are stored meanwhile are found the next time.
      const newest = this.#arrivals.newest(shop);
      const found = await this.#pages.collect(shop, from, limit);
      if (found.length > 0 || signal.aborted || this.#closed) return found;
      // The events in between can never be read: skip them.
      from = Math.max(from, newest);
      await this.#arrivals.past(shop, from, signal);
    }
  }

  async find(shop: string, eventId: string): Promise<Stored | undefined> {
    const [row] = await this.#tools.side.ask(
      `select max(i.position) as position from ${SCHEMA}.ids i join ${SCHEMA}.shops s on s.id = i.shop where s.name = $1 and i.hash = $2::uuid`,
      [shop, hexOf(this.#tools.form.hasher.id(eventId))],
    );
    if (!row?.position) return undefined;
    const position = Number(row.position);
    try {
      const [stored] = await this.#pages.collect(shop, position - 1, 1);
      return stored?.position === position ? stored : undefined;
    } catch (error) {
      throw error instanceof UnreadableEvents ? error.at(position) : error;
    }
  }

  async extent(shop: string): Promise<Extent> {
    const [row] = await this.#tools.side.ask(
      `select s.newest, (select min(p.first) from ${SCHEMA}.pages p where p.shop = s.id) as oldest from ${SCHEMA}.shops s where s.name = $1`,
      [shop],
    );
    const newest = Number(row?.newest ?? 0);
    return { oldest: Number(row?.oldest ?? newest + 1), newest };
  }

  before(shop: string, time: number): Promise<Position> {
    return this.#pages.before(shop, time);
  }

  async tally(shop: string): Promise<Tally> {
    const [tally] = await this.tallies([shop]);
    return tally ?? NOTHING;
  }

  tallies(shops: readonly string[]): Promise<Tally[]> {
    return talliesOf(this.#tools.side.ask, shops);
  }

  async shops(): Promise<string[]> {
    const rows = await this.#tools.side.ask(`select name from ${SCHEMA}.shops order by name`);
    return rows.map(({ name }) => String(name));
  }

  async heads(shops: readonly string[]): Promise<Position[]> {
    const rows = await this.#tools.side.ask(`select name, newest from ${SCHEMA}.shops where name = any($1)`, [shops]);
    const byName = new Map(rows.map(({ name, newest }) => [name, Number(newest)]));
    return shops.map((shop) => byName.get(shop) ?? 0);
  }

  rests(places: readonly Place[]): Promise<Rest[]> {
    return restsBehind(this.#tools.side.ask, places);
  }

  async trim(options: TrimOptions): Promise<Trimmed> {
    await this.ensureDays();
    const trimmed = await trim(this.#tools.side, { ...options, today: dayName(new Date(this.#tools.options.now())) });
    if (trimmed.events > 0) this.#pages.forget();
    return trimmed;
  }

  /** Creates the partitions of today and the following days. */
  async ensureDays(): Promise<void> {
    const now = this.#tools.options.now();
    await ensureDays(this.#tools.side.ask, dayOf(now), dayOf(now + 2 * DAY_MS));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#committing;
    this.#arrivals.close();
  }

  /** The shops with new refused events since the last call. */
  takeRefusing(): string[] {
    const shops = [...this.#refusing];
    this.#refusing.clear();
    return shops;
  }

  /** The shops that readers wait for, to poll in case a notification is lost. */
  get awaited(): string[] {
    return this.#arrivals.awaited;
  }

  /** Called with a new newest position, from this process or another. */
  grown(shop: string, newest: Position): void {
    this.#arrivals.grown(shop, newest);
  }

  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      const began = performance.now();
      try {
        const { commit, verdicts } = await this.#store(group.map(({ record }) => record));
        this.#failure = undefined;
        this.#nothing = undefined;
        for (const [shop, newest] of commit.newest) this.grown(shop, newest);
        this.#tools.onNewest(commit.newest);
        for (const { record } of group) if (record.refused.length > 0) this.#refusing.add(record.context.shop);
        for (const [i, { resolve }] of group.entries()) resolve(verdicts[i] ?? []);
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        this.#nothing = nothingOf(group[0]?.record);
        // Whether it was stored is unknown. A client that sends it again gets the right answer: stored now, or a duplicate.
        const unavailable = new LogUnavailable('the commit failed', { cause: error });
        // Records that have waited through a long attempt do not wait for another.
        const waited = performance.now() - began > PATIENCE_MS ? this.#takeAll() : [];
        for (const { reject } of [...group, ...waited]) reject(unavailable);
      }
    }
    this.#committing = undefined;
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    let events = 0;
    let count = 0;
    for (const { record } of this.#waiting) {
      bytes += record.body.length;
      events += record.events.length;
      if (count > 0 && (bytes > COMMIT_BYTES || events > COMMIT_EVENTS)) break;
      count += 1;
    }
    const group = this.#waiting.splice(0, count);
    for (const { record } of group) this.#waitingBytes -= record.body.length;
    return group;
  }

  #takeAll(): Waiting[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return all;
  }

  /** Stores records with one call. If some must be stored differently, nothing was stored, and it runs again with those changes. */
  async #store(sent: readonly LogRecord[]): Promise<{ commit: Commit; verdicts: Verdict[][] }> {
    const { form, options } = this.#tools;
    const gone = new Set<LogRecord>();
    const format = form.format();
    // Format 1 cannot record that an id was made.
    const renames = options.contents && format > 1 ? new Renames(options.contents) : undefined;
    const records = format > 1 ? sent : sent.map((record) => withOldIds(record, options.view));
    for (;;) {
      const commit = new Commit(records, { hasher: form.hasher, format, gone, renames });
      const row = await this.#call(commit);
      const more = commit.recordsOf(numbers(row?.gone));
      const unlike = numbers(row?.unlike);
      commit.rename(unlike);
      if (more.length + unlike.length === 0)
        return { commit, verdicts: commit.verdicts(numbers(row?.known), numbers(row?.befores)) };
      for (const record of more) gone.add(record);
    }
  }

  async #call(commit: Commit): Promise<Row | undefined> {
    const { writer, options } = this.#tools;
    const now = options.now();
    const at = commit.at(now);
    const since = dayOf(Math.min(now, at) - Math.max(0, options.dedupMs));
    const values = commit.values(dayOf(at), since, options.quarantineMax);
    const call = () => writer.ask(APPEND, values, 'append_2');
    const [row] = await call().catch(async (error: unknown) => {
      if ((error as { code?: string }).code !== NO_PARTITION) throw error;
      await ensureDays(writer.ask, dayOf(at), dayOf(at));
      return call();
    });
    return row;
  }
}

const nothingOf = (record: LogRecord | undefined): LogRecord | undefined =>
  record && { ...record, body: Buffer.alloc(0), events: [], refused: [], released: [] };

const NO_PARTITION = '23514';
const APPEND = `select known, befores, gone, unlike from ${SCHEMA}.append_2(
  $1, $2, $3, $4, $5, $6, $7::uuid[], $8, $9, $10, $11, $12, $13, $14, $15, $16, $17::json[], $18, $19, $20, $21)`;

const numbers = (value: unknown): number[] => (value as unknown[]).map(Number);
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

async function ensureDays(ask: Ask, from: string, to: string): Promise<void> {
  await ask(`select ${SCHEMA}.ensure_days_2($1, $2)`, [from, to]);
}
