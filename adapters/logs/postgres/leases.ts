import { onAbort } from '../../on-abort.ts';
import { Bell, keyOf } from '../holders.ts';
import { type Cursor, CursorLost, type Others, type PipelineId, type Progress, type Update } from '../state.ts';
import type { Ask, Connection } from './database.ts';
import { FORMAT } from './format.ts';
import { gather } from './gather.ts';
import { SCHEMA } from './schema.ts';

const BEAT_MS = 2000;
const GIVEN_BACK_AT_ONCE = 1000;
/** A process that has said nothing for so long is gone: others take its pipelines. */
const LEASE_MS = 6000;
const LEASE = `interval '${LEASE_MS} milliseconds'`;

/** One who waits for a pipeline here. */
interface Waiter {
  readonly id: PipelineId;
  /** Asks whoever has the pipeline to give it up, rather than waiting for a fair share. */
  readonly takes: boolean;
  readonly grant: (cursor: Cursor) => void;
}

interface Held {
  readonly row: number;
  readonly id: PipelineId;
  readonly wanted: AbortController;
  progress: Progress;
  redrives: string;
  /** While it is being released it is not renewed. */
  releasing: boolean;
}

/** A pipeline as the database has it. */
interface Row {
  readonly id: number;
  readonly key: string;
  readonly owner: string | null;
  readonly expired: boolean | null;
  /** Milliseconds until the lease runs out, if nothing is heard of its process. */
  readonly left: number | null;
  /** By whom it is asked for, while that holds. */
  readonly asked: string | null;
  readonly redrives: string;
}

export interface LeaseOptions {
  /** This process, for as long as it lives. */
  readonly me: string;
  readonly kind: string;
  readonly connections: number;
  /** For the beats, and for saving progress: a slow save holds up no beat. */
  readonly home: Connection;
  readonly saver: Connection;
  /** Tells the other processes that leases have changed. */
  readonly tell: () => void;
}

/**
 * Which process moves which pipeline. Each says every two seconds that it lives and what its pipelines are doing; a pipeline whose process
 * has said nothing for six is taken by another. Who has fewer pipelines than its share asks for some. Whoever has lost a pipeline
 * without noticing cannot save: every save names its owner.
 */
export class Leases {
  readonly #options: LeaseOptions;
  readonly #ask: Ask;
  readonly #waiters = new Set<Waiter>();
  readonly #held = new Map<string, Held>();
  readonly #redriven = new Bell<string>();
  readonly #replays = new Bell<'replays'>();
  #replayChanges: string | undefined;
  #renewedAt = performance.now();
  #beating: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #early: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#ask = options.home.ask;
    this.#timer = setInterval(() => this.beat(), BEAT_MS);
    this.beat();
  }

  /** Waits for a pipeline; `takes` has whoever holds it give it up. */
  claim(id: PipelineId, signal: AbortSignal, takes = false): Promise<Cursor> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const given = () => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
      };
      const grant = (cursor: Cursor) => {
        this.#waiters.delete(waiter);
        ignore();
        resolve(cursor);
      };
      const waiter: Waiter = { id, takes, grant };
      const ignore = onAbort(signal, given);
      this.#waiters.add(waiter);
      this.beat();
    });
  }

  /** Whether a pipeline is held here. */
  holds(id: PipelineId): boolean {
    return this.#held.has(keyOf(id));
  }

  /** The other processes that are there now. */
  async others(): Promise<Others> {
    const [row] = await this.#ask(
      `select count(*) filter (where kind <> 'worker') as takers, count(*) filter (where kind <> 'web') as movers
       from ${SCHEMA}.processes where id <> $1 and beat > now() - ${LEASE}`,
      [this.#options.me],
    );
    return { takers: Number(row?.takers), movers: Number(row?.movers) };
  }

  replaysChanged(): AbortSignal {
    return this.#replays.next('replays');
  }

  /** Looks at once what has changed, instead of at the next beat. */
  beat(): void {
    if (this.#beating !== undefined) {
      this.#again = true;
      this.#expire();
      return;
    }
    this.#beating = this.#beat()
      // The database is away: what is held here is kept as long as the others keep it too.
      .catch(() => this.#expire())
      .finally(() => {
        this.#beating = undefined;
        if (this.#again && !this.#closed) {
          this.#again = false;
          this.beat();
        }
      });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#beating;
    clearTimeout(this.#early);
    await this.#ask(`delete from ${SCHEMA}.processes where id = $1`, [this.#options.me]).catch(() => {});
  }

  async #beat(): Promise<void> {
    const { me, kind, connections } = this.#options;
    const began = performance.now();
    const mine = [...this.#held.values()].filter(({ releasing }) => !releasing);
    const [row] = await this.#ask(BEAT, [me, kind, connections, mine.map(({ row: id }) => id)]);
    this.#renewedAt = began;
    const rows = (row?.pipelines ?? []) as Row[];
    const byKey = new Map(rows.map((one) => [one.key, one]));
    for (const held of this.#held.values()) this.#look(held, byKey.get(keyOf(held.id)));
    const changes = String(row?.replays);
    if (this.#replayChanges !== undefined && this.#replayChanges !== changes) this.#replays.ring('replays');
    this.#replayChanges = changes;
    // Who has just got some counts anew before it asks for more.
    if (await this.#claimFree(byKey)) this.#again = true;
    else await this.#askFor(byKey, Number(row?.movers));
    this.#lookEarly(byKey);
  }

  /** Where a lease that is waited for here runs out before the next beat, it is looked at then. */
  #lookEarly(rows: ReadonlyMap<string, Row>): void {
    clearTimeout(this.#early);
    const left = this.#firstWaiters().map(({ id }) => rows.get(keyOf(id))?.left ?? BEAT_MS);
    const soonest = Math.min(BEAT_MS, ...left.filter((ms) => ms >= 0));
    if (soonest < BEAT_MS) this.#early = setTimeout(() => this.beat(), soonest + 10);
  }

  /** Whether a held pipeline is still ours, wanted elsewhere, or has letters to try again. */
  #look(held: Held, row: Row | undefined): void {
    if (held.releasing) return;
    if (row?.owner !== this.#options.me || row.asked !== null) held.wanted.abort();
    if (row && row.redrives !== held.redrives) {
      held.redrives = row.redrives;
      this.#redriven.ring(keyOf(held.id));
    }
  }

  async #claimFree(rows: ReadonlyMap<string, Row>): Promise<boolean> {
    const { me } = this.#options;
    const free = this.#firstWaiters().flatMap((waiter) => {
      const row = rows.get(keyOf(waiter.id));
      // Ours, and not held here: it could not be released, since the database was away.
      const free = row && (row.owner === null || row.owner === me || row.expired);
      return free && (row.asked === null || row.asked === me) ? [{ waiter, row }] : [];
    });
    if (free.length === 0) return false;
    const claimed = await this.#ask(CLAIM, [me, free.map(({ row }) => row.id)]);
    const gone: number[] = [];
    for (const { id, progress, redrives } of claimed) {
      const found = free.find(({ row }) => row.id === Number(id));
      // Whoever waited for it may have gone meanwhile.
      if (found && this.#waiters.has(found.waiter))
        this.#grant(found.waiter, Number(id), progress as Progress, String(redrives));
      else gone.push(Number(id));
    }
    await Promise.all(gone.map((row) => this.#giveBack(row)));
    return true;
  }

  /** Of those who wait for the same pipeline the one who takes it, else the first. */
  #firstWaiters(): Waiter[] {
    const first = new Map<string, Waiter>();
    for (const waiter of this.#waiters) {
      const key = keyOf(waiter.id);
      if (this.#held.has(key)) continue;
      const known = first.get(key);
      if (known === undefined || (waiter.takes && !known.takes)) first.set(key, waiter);
    }
    return [...first.values()];
  }

  /** Asks for what is taken by right, and where others have more than their share for some of that. */
  async #askFor(rows: ReadonlyMap<string, Row>, movers: number): Promise<void> {
    const { me, tell } = this.#options;
    const wanted = [...this.#waiters].flatMap((waiter) => {
      const row = rows.get(keyOf(waiter.id));
      return row?.owner && !row.expired && row.asked === null ? [{ takes: waiter.takes, row }] : [];
    });
    const taken = wanted.filter(({ takes }) => takes).map(({ row }) => row.id);
    const counts = new Map<string, number>();
    // What is asked for already is as good as with whoever asks.
    const owned = [...rows.values()].flatMap(({ owner, expired, asked }) =>
      owner && !expired ? [asked ?? owner] : [],
    );
    for (const owner of owned) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    const share = Math.floor(owned.length / Math.max(1, movers));
    let missing = share - (counts.get(me) ?? 0);
    for (const { takes, row } of wanted) {
      const owner = row.owner ?? '';
      if (takes || missing <= 0 || owner === me || (counts.get(owner) ?? 0) <= share) continue;
      counts.set(owner, (counts.get(owner) ?? 0) - 1);
      missing -= 1;
      taken.push(row.id);
    }
    if (taken.length === 0) return;
    await this.#ask(
      `update ${SCHEMA}.pipelines set asked_by = $1, asked_until = now() + ${LEASE}
       where id = any($2) and (asked_by is null or asked_until < now())`,
      [me, taken],
    );
    tell();
    this.#again = true;
  }

  #grant({ id, grant }: Waiter, row: number, progress: Progress, redrives: string): void {
    const key = keyOf(id);
    const held: Held = {
      row,
      id,
      progress,
      redrives,
      wanted: new AbortController(),
      releasing: false,
    };
    this.#held.set(key, held);
    grant({
      get progress() {
        return held.progress;
      },
      wanted: held.wanted.signal,
      redriven: () => this.#redriven.next(key),
      save: (update) => this.#save(held, update),
      release: () => this.#release(key, held),
    });
  }

  async #save(held: Held, { progress, journal, dead = [] }: Update): Promise<void> {
    const saved = await this.#options.saver.ask(
      SAVE,
      [
        held.row,
        this.#options.me,
        JSON.stringify(progress),
        journal?.from ?? null,
        journal?.to ?? null,
        journal ? JSON.stringify(journal) : null,
        dead.map(({ position }) => position),
        dead.map(({ ended }) => ended !== undefined),
        dead.map(({ redrive = false }) => redrive),
        dead.map(({ redrive: _, ...letter }) => JSON.stringify(letter)),
      ],
      'save_1',
    );
    if (saved.length === 0) {
      held.wanted.abort();
      throw new CursorLost(held.id);
    }
    held.progress = progress;
  }

  async #release(key: string, held: Held): Promise<void> {
    if (this.#held.get(key) !== held || held.releasing) return;
    held.releasing = true;
    await this.#giveBack(held.row);
    this.#held.delete(key);
    if (!this.#closed) this.beat();
  }

  /** Never rejects: where the database is away, the lease runs out. */
  readonly #giveBack = gather<number, void>(GIVEN_BACK_AT_ONCE, async (rows) => {
    await this.#ask(
      `update ${SCHEMA}.pipelines set owner = null, lease_until = null, phase = null, released_at = now() where id = any($1) and owner = $2`,
      [rows, this.#options.me],
    ).catch(() => {});
    this.#options.tell();
    return [];
  });

  #expire(): void {
    if (performance.now() - this.#renewedAt < LEASE_MS) return;
    for (const { wanted } of this.#held.values()) wanted.abort();
  }
}

const BEAT = `
with me as (
  insert into ${SCHEMA}.processes (id, kind, connections, beat, format) values ($1::uuid, $2, $3, now(), ${FORMAT})
  on conflict (id) do update set beat = now()
), gone as (
  delete from ${SCHEMA}.processes where beat < now() - ${LEASE} and id <> $1::uuid
), renewed as (
  update ${SCHEMA}.pipelines set lease_until = now() + ${LEASE} where id = any($4::int[]) and owner = $1::uuid
)
select
  (select json_agg(json_build_object('id', id, 'key', shop || '/' || pipeline, 'owner', owner, 'expired', lease_until < now(),
    'left', extract(epoch from lease_until - now()) * 1000,
    'asked', case when asked_until > now() then asked_by end, 'redrives', redrives::text)) from ${SCHEMA}.pipelines) as pipelines,
  (select count(*) from ${SCHEMA}.processes where kind <> 'web' and beat > now() - ${LEASE}) as movers,
  (select last_value::text || is_called::text from ${SCHEMA}.replay_changes) as replays`;

// The phase is for processes of an earlier release, which take a pipeline without one for one that nobody moves.
const CLAIM = `
update ${SCHEMA}.pipelines set owner = $1, lease_until = now() + ${LEASE}, asked_by = null, asked_until = null, phase = '{"kind":"waiting"}', released_at = null
where id = any($2) and (owner is null or owner = $1 or lease_until < now()) and (asked_by is null or asked_by = $1 or asked_until < now())
returning id, progress, redrives`;

const SAVE = `
with saved as (
  update ${SCHEMA}.pipelines set progress = $3 where id = $1 and owner = $2 returning id
), line as (
  insert into ${SCHEMA}.journal (pipeline, first, last, line) select id, $4::bigint, $5::bigint, $6::json from saved where $4::bigint is not null
  on conflict (pipeline, first) do update set last = excluded.last, line = excluded.line
), letters as (
  insert into ${SCHEMA}.dead (pipeline, position, ended, redrive, letter)
  select saved.id, l.position, l.ended, l.redrive, l.letter
  from saved, unnest($7::bigint[], $8::bool[], $9::bool[], $10::json[]) l(position, ended, redrive, letter)
  on conflict (pipeline, position) do update set ended = excluded.ended, redrive = excluded.redrive, letter = excluded.letter
)
select id from saved`;
