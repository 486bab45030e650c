import { onAbort } from '../on-abort.ts';
import type { Position } from './log.ts';
import { type Settlement, settledBy } from './settlement.ts';
import type { Cursor, Others, PipelineId, Progress, Standing, State, Update } from './state.ts';

/** A state whose pipelines can be taken from their holders. */
interface Taken extends Pick<State, 'progress'> {
  claim(id: PipelineId, signal: AbortSignal, takes: boolean): Promise<Cursor>;
}

interface Waiter {
  /** It does not wait until the holder is done. */
  readonly takes: boolean;
  readonly grant: (hold: Hold) => void;
}

interface Hold {
  readonly wanted: AbortController;
}

/** Who moves which pipeline, for a log that one process owns. */
export class Holders {
  readonly #held = new Map<string, Hold>();
  /** Those that wait for a pipeline, the first of them the next to have it. */
  readonly #waiting = new Map<string, Waiter[]>();
  readonly #redriven = new Bell<string>();
  readonly #replays = new Bell<'replays'>();

  /** Waits for the pipeline; `takes` has its holder give it up. `progress` is asked for once it is free. */
  async claim(
    id: PipelineId,
    signal: AbortSignal,
    progress: () => Promise<Progress>,
    save: (update: Update) => Promise<void>,
    takes = false,
  ): Promise<Cursor> {
    const key = keyOf(id);
    const hold = await this.#turn(key, takes, signal);
    let current = await progress().catch((error: unknown) => {
      this.#free(key);
      throw error;
    });
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
      release: async () => {
        if (this.#held.get(key) === hold) this.#free(key);
      },
    };
  }

  /** Resolves when the pipeline is the caller's. It is held from the moment of the decision, so that nobody who wants it can miss its holder. */
  #turn(key: string, takes: boolean, signal: AbortSignal): Promise<Hold> {
    signal.throwIfAborted();
    const held = this.#held.get(key);
    if (held === undefined) return Promise.resolve(this.#hold(key));
    const queue = this.#waiting.get(key) ?? [];
    this.#waiting.set(key, queue);
    return new Promise((resolve, reject) => {
      const mine: Waiter = {
        takes,
        grant: (hold) => {
          ignore();
          resolve(hold);
        },
      };
      const given = () => {
        queue.splice(queue.indexOf(mine), 1);
        reject(signal.reason);
      };
      const ignore = onAbort(signal, given);
      // Behind others that take it, and before those that wait for their turn.
      const before = queue.findIndex((one) => !one.takes);
      queue.splice(takes && before >= 0 ? before : queue.length, 0, mine);
      // Last: the holder may let go at once.
      if (takes) held.wanted.abort();
    });
  }

  #hold(key: string): Hold {
    const hold: Hold = { wanted: new AbortController() };
    this.#held.set(key, hold);
    return hold;
  }

  #free(key: string): void {
    this.#held.delete(key);
    const queue = this.#waiting.get(key);
    const next = queue?.shift();
    if (queue?.length === 0) this.#waiting.delete(key);
    if (next === undefined) return;
    const hold = this.#hold(key);
    next.grant(hold);
    if (queue?.some(({ takes }) => takes)) hold.wanted.abort();
  }

  standing(id: PipelineId, progress: Progress): Standing {
    return { progress, moved: this.holds(id) };
  }

  /** Has the holder give the pipeline up, changes its progress, and leaves it free. False where it never began. */
  async change(state: Taken, id: PipelineId, change: (progress: Progress) => Progress): Promise<boolean> {
    const cursor = await this.#take(state, id);
    if (cursor === undefined) return false;
    await changeOn(cursor, change);
    return true;
  }

  async settle(state: Taken, id: PipelineId, settlement: Settlement): Promise<Progress | undefined> {
    const cursor = await this.#take(state, id);
    return cursor && settleOn(cursor, settlement);
  }

  /** Whether anybody moves the pipeline. */
  holds(id: PipelineId): boolean {
    return this.#held.has(keyOf(id));
  }

  async #take(state: Taken, id: PipelineId): Promise<Cursor | undefined> {
    if ((await state.progress(id)) === undefined) return undefined;
    return state.claim(id, new AbortController().signal, true);
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
  ({ failingSince: _, failure: __, ...progress }: Progress): Progress => ({ ...progress, suspended });
export const resumed = ({ failingSince: _, failure: __, suspended, ...progress }: Progress): Progress => ({
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

/** One process owns such a log. */
export const NO_OTHERS: Others = { takers: 0, movers: 0 };

export const keyOf = ({ shop, pipeline }: PipelineId): string => `${shop}/${pipeline}`;
