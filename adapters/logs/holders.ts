import { onAbort } from '../on-abort.ts';
import type { Position } from './log.ts';
import { type Settlement, settledBy } from './settlement.ts';
import type { Cursor, Phase, PipelineId, Progress, Standing, State, Update } from './state.ts';

interface Hold {
  readonly wanted: AbortController;
  phase: Phase;
}

/** Who moves which pipeline, for a log that one process owns. */
export class Holders {
  readonly #held = new Map<string, Hold>();
  /** Those who wait for a pipeline, the first of them the next to have it. */
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #redriven = new Bell<string>();
  readonly #replays = new Bell<'replays'>();

  /** Waits for whoever has the pipeline; `progress` is asked for once it is free. */
  async claim(
    id: PipelineId,
    signal: AbortSignal,
    progress: () => Promise<Progress>,
    save: (update: Update) => Promise<void>,
  ): Promise<Cursor> {
    const key = keyOf(id);
    await this.#turn(key, signal);
    const hold: Hold = { wanted: new AbortController(), phase: { kind: 'waiting' } };
    this.#held.set(key, hold);
    let current = await progress();
    return {
      get progress() {
        return current;
      },
      wanted: hold.wanted.signal,
      redriven: () => this.#redriven.next(key),
      save: async (update) => {
        await save(update);
        current = update.progress;
      },
      tell: (phase) => {
        hold.phase = phase;
      },
      release: async () => {
        if (this.#held.get(key) === hold) this.#free(key);
      },
    };
  }

  /** Resolves when the pipeline is the caller's, who holds it from the next moment on. */
  #turn(key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const queue = this.#waiting.get(key);
    if (queue === undefined) {
      this.#waiting.set(key, []);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const mine = () => {
        ignore();
        resolve();
      };
      const given = () => {
        queue.splice(queue.indexOf(mine), 1);
        reject(signal.reason);
      };
      const ignore = onAbort(signal, given);
      queue.push(mine);
    });
  }

  #free(key: string): void {
    this.#held.delete(key);
    const next = this.#waiting.get(key)?.shift();
    if (next) next();
    else this.#waiting.delete(key);
  }

  standing(id: PipelineId, progress: Progress): Standing {
    return standingOf(progress, this.#held.get(keyOf(id))?.phase);
  }

  /** Has the holder give the pipeline up, changes its progress, and leaves it free. False where it never began. */
  async change(
    state: Pick<State, 'claim' | 'progress'>,
    id: PipelineId,
    change: (progress: Progress) => Progress,
  ): Promise<boolean> {
    const cursor = await this.#take(state, id);
    if (cursor === undefined) return false;
    await changeOn(cursor, change);
    return true;
  }

  async settle(
    state: Pick<State, 'claim' | 'progress'>,
    id: PipelineId,
    settlement: Settlement,
  ): Promise<Progress | undefined> {
    const cursor = await this.#take(state, id);
    return cursor && settleOn(cursor, settlement);
  }

  /** Whether anybody moves the pipeline. */
  holds(id: PipelineId): boolean {
    return this.#held.has(keyOf(id));
  }

  async #take(state: Pick<State, 'claim' | 'progress'>, id: PipelineId): Promise<Cursor | undefined> {
    if ((await state.progress(id)) === undefined) return undefined;
    const cursor = state.claim(id, new AbortController().signal);
    this.#held.get(keyOf(id))?.wanted.abort();
    return cursor;
  }

  redriven(id: PipelineId): void {
    this.#redriven.ring(keyOf(id));
  }

  replaysChanged(): AbortSignal {
    return this.#replays.next('replays');
  }

  replaySaved(): void {
    this.#replays.ring('replays');
  }
}

/** Changes a pipeline's progress and lets the pipeline go. */
export async function changeOn(cursor: Cursor, change: (progress: Progress) => Progress): Promise<void> {
  try {
    await cursor.save({ progress: change(cursor.progress) });
  } finally {
    await cursor.release();
  }
}

/** Settles a pipeline, lets it go, and gives its progress. */
export async function settleOn(cursor: Cursor, settlement: Settlement): Promise<Progress> {
  try {
    const update = settledBy(cursor.progress, settlement);
    if (update) await cursor.save(update);
    return cursor.progress;
  } finally {
    await cursor.release();
  }
}

/** Suspended is what the progress says, whoever holds the pipeline. */
export function standingOf(progress: Progress, phase: Phase | undefined): Standing {
  const { suspended } = progress;
  if (suspended) return { progress, phase: { kind: 'suspended', reason: suspended.reason, since: suspended.at } };
  return { progress, phase: phase ?? { kind: 'unclaimed' } };
}

/** The progress of a pipeline that has done nothing yet. */
export const beginning = (start: Position): Progress => ({
  position: start,
  start,
  delivered: 0,
  dead: 0,
  filtered: {},
  dropped: {},
});

/** What stopping and going on make of a pipeline's progress. */
export const suspendedBy =
  (suspended: NonNullable<Progress['suspended']>) =>
  ({ failingSince: _, ...progress }: Progress): Progress => ({ ...progress, suspended });
export const resumed = ({ failingSince: _, suspended, ...progress }: Progress): Progress => ({
  ...progress,
  ...(suspended?.leaveOut !== undefined && { leaveOut: suspended.leaveOut }),
});

/** Rings for those who listen since before. */
export class Bell<K> {
  readonly #listeners = new Map<K, AbortController>();

  /** A signal that aborts at the next ring. */
  next(key: K): AbortSignal {
    let listener = this.#listeners.get(key);
    if (listener === undefined) {
      listener = new AbortController();
      this.#listeners.set(key, listener);
    }
    return listener.signal;
  }

  ring(key: K): void {
    const listener = this.#listeners.get(key);
    this.#listeners.delete(key);
    listener?.abort();
  }
}

export const keyOf = ({ shop, pipeline }: PipelineId): string => `${shop}/${pipeline}`;
