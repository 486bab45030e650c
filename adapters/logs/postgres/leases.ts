import { onAbort } from '../../on-abort.ts';
import { Notifier } from '../notifier.ts';
import { type Cursor, CursorLost, type Others, type Update } from '../state/cursors.ts';
import type { Progress } from '../state/progress.ts';
import { keyOf, type PipelineId } from '../state/shared.ts';
import type { Ask, Connection } from './database.ts';
import { gather } from './gather.ts';
import { type LeaseRow, toAskFor } from './lease-share.ts';
import { BEAT, CLAIM, LEASE, LEASE_MS, SAVE } from './lease-statements.ts';
import { SCHEMA } from './schema.ts';

const BEAT_MS = 2000;
const GIVEN_BACK_AT_ONCE = 1000;

/** A waiting claim of this process. */
interface Waiter {
  readonly id: PipelineId;
  /** Asks the holder to give the pipeline up, instead of waiting for a fair share. */
  readonly takes: boolean;
  readonly grant: (cursor: Cursor) => void;
}

interface Held {
  readonly row: number;
  readonly id: PipelineId;
  readonly wanted: AbortController;
  progress: Progress;
  redrives: string;
  /** It is not renewed while it is being released. */
  releasing: boolean;
}

export interface LeaseOptions {
  /** The id of this process, for its lifetime. */
  readonly me: string;
  readonly kind: string;
  readonly connections: number;
  /** For the beats, and for saving progress: a slow save holds up no beat. */
  readonly home: Connection;
  readonly saver: Connection;
  /** Notifies the other processes that leases have changed. */
  readonly tell: () => void;
}

/**
 * Leases: which process moves which pipeline. Every two seconds each process records that it lives and what its pipelines do; a pipeline whose
 * process was silent for six seconds is taken by another. A process with fewer than its fair share asks for some. A process that lost a pipeline
 * without noticing cannot save, because every save names its owner.
 */
export class Leases {
  readonly #options: LeaseOptions;
  readonly #ask: Ask;
  readonly #waiters = new Set<Waiter>();
  readonly #held = new Map<string, Held>();
  readonly #redriven = new Notifier<string>();
  readonly #replays = new Notifier<'replays'>();
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

  /** Waits for a pipeline; `takes` asks its holder to give it up. */
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

  /** Whether this process holds a pipeline. */
  holds(id: PipelineId): boolean {
    return this.#held.has(keyOf(id));
  }

  /** The other processes that are connected now. */
  async others(): Promise<Others> {
    const [row] = await this.#ask(
      `select count(*) filter (where kind <> 'worker') as takers, count(*) filter (where kind <> 'web') as movers
       from ${SCHEMA}.processes where id <> $1 and beat > now() - ${LEASE}`,
      [this.#options.me],
    );
    return { takers: Number(row?.takers), movers: Number(row?.movers) };
  }

  replaysChanged(): AbortSignal {
    return this.#replays.nextSignal('replays');
  }

  /** Checks for changes now, instead of at the next heartbeat. */
  beat(): void {
    if (this.#beating !== undefined) {
      this.#again = true;
      this.#expire();
      return;
    }
    this.#beating = this.#beat()
      // The database is unreachable: keep the pipelines until the leases expire for the others too.
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
    const rows = (row?.pipelines ?? []) as LeaseRow[];
    const byKey = new Map(rows.map((one) => [one.key, one]));
    for (const held of this.#held.values()) this.#look(held, byKey.get(keyOf(held.id)));
    const changes = String(row?.replays);
    if (this.#replayChanges !== undefined && this.#replayChanges !== changes) this.#replays.notify('replays');
    this.#replayChanges = changes;
    // After getting some, count again before asking for more.
    if (await this.#claimFree(byKey)) this.#again = true;
    else await this.#askFor(byKey, Number(row?.movers));
    this.#lookEarly(byKey);
  }

  /** If a lease that this process waits for expires before the next heartbeat, check it then. */
  #lookEarly(rows: ReadonlyMap<string, LeaseRow>): void {
    clearTimeout(this.#early);
    const left = this.#firstWaiters().map(({ id }) => rows.get(keyOf(id))?.left ?? BEAT_MS);
    const soonest = Math.min(BEAT_MS, ...left.filter((ms) => ms >= 0));
    if (soonest < BEAT_MS) this.#early = setTimeout(() => this.beat(), soonest + 10);
  }

  /** Checks whether a held pipeline is still ours, wanted elsewhere, or has marked letters. */
  #look(held: Held, row: LeaseRow | undefined): void {
    if (held.releasing) return;
    if (row?.owner !== this.#options.me || row.asked !== null) held.wanted.abort();
    if (row && row.redrives !== held.redrives) {
      held.redrives = row.redrives;
      this.#redriven.notify(keyOf(held.id));
    }
  }

  async #claimFree(rows: ReadonlyMap<string, LeaseRow>): Promise<boolean> {
    const { me } = this.#options;
    const free = this.#firstWaiters().flatMap((waiter) => {
      const row = rows.get(keyOf(waiter.id));
      // Ours, but not held: it could not be released while the database was unreachable.
      const free = row && (row.owner === null || row.owner === me || row.expired);
      return free && (row.asked === null || row.asked === me) ? [{ waiter, row }] : [];
    });
    if (free.length === 0) return false;
    const claimed = await this.#ask(CLAIM, [me, free.map(({ row }) => row.id)]);
    const gone: number[] = [];
    for (const { id, progress, redrives } of claimed) {
      const found = free.find(({ row }) => row.id === Number(id));
      // The claim may have been cancelled meanwhile.
      if (found && this.#waiters.has(found.waiter))
        this.#grant(found.waiter, Number(id), progress as Progress, String(redrives));
      else gone.push(Number(id));
    }
    await Promise.all(gone.map((row) => this.#giveBack(row)));
    return true;
  }

  /** For each pipeline, the claim that takes it, else the first one. */
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

  /** Requests pipelines that are taken, and some of owners above their fair share. */
  async #askFor(rows: ReadonlyMap<string, LeaseRow>, movers: number): Promise<void> {
    const { me, tell } = this.#options;
    const wanted = [...this.#waiters].flatMap(({ id, takes }) => {
      const row = rows.get(keyOf(id));
      return row ? [{ takes, row }] : [];
    });
    const taken = toAskFor([...rows.values()], wanted, me, movers);
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
      redriven: () => this.#redriven.nextSignal(key),
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

  /** Never rejects: if the database is unreachable, the lease expires. */
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
