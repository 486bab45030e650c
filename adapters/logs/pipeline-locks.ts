import { onAbort } from '../on-abort.ts';
import { Notifier } from './notifier.ts';
import { changeAndRelease, settleAndRelease } from './progress-change.ts';
import type { Settlement } from './settlement.ts';
import type { Cursor, Cursors, Others, Standing, Update } from './state/cursors.ts';
import type { Progress } from './state/progress.ts';
import { keyOf, type PipelineId } from './state/shared.ts';

/** Cursors of pipelines that can be taken from their holders. */
interface Taken extends Pick<Cursors, 'progress'> {
  claim(id: PipelineId, signal: AbortSignal, takes: boolean): Promise<Cursor>;
}

interface Waiter {
  /** It asks the holder to give the pipeline up. */
  readonly takes: boolean;
  readonly grant: (hold: Hold) => void;
}

interface Hold {
  readonly wanted: AbortController;
}

/** Locks of pipelines for a log with one owner: one holder at a time, and a queue. */
export class PipelineLocks {
  readonly #held = new Map<string, Hold>();
  /** Waiting claims by pipeline, in the order in which they get it. */
  readonly #waiting = new Map<string, Waiter[]>();
  readonly #redriven = new Notifier<string>();

  /** Waits for the pipeline; `takes` asks its holder to give it up. `progress` is called once it is free. */
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
      redriven: () => this.#redriven.nextSignal(key),
      save: async (update) => {
        await save(update);
        current = update.progress;
      },
      release: async () => {
        if (this.#held.get(key) === hold) this.#free(key);
      },
    };
  }

  /** Resolves when the caller has the pipeline. The lock is taken synchronously with the decision, so that the next claim finds a holder to ask. */
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
      // After other claims that take it, and before those that wait.
      const before = queue.findIndex((one) => !one.takes);
      queue.splice(takes && before >= 0 ? before : queue.length, 0, mine);
      // Last, since the holder may release it at once.
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

  /** Asks the holder to give the pipeline up, changes its progress, and releases it. False if it never began. */
  async change(cursors: Taken, id: PipelineId, change: (progress: Progress) => Progress): Promise<boolean> {
    const cursor = await this.#take(cursors, id);
    if (cursor === undefined) return false;
    await changeAndRelease(cursor, change);
    return true;
  }

  async settle(cursors: Taken, id: PipelineId, settlement: Settlement): Promise<Progress | undefined> {
    const cursor = await this.#take(cursors, id);
    return cursor && settleAndRelease(cursor, settlement);
  }

  /** Whether the pipeline has a holder. */
  holds(id: PipelineId): boolean {
    return this.#held.has(keyOf(id));
  }

  async #take(cursors: Taken, id: PipelineId): Promise<Cursor | undefined> {
    if ((await cursors.progress(id)) === undefined) return undefined;
    return cursors.claim(id, new AbortController().signal, true);
  }

  /** Tells the pipeline's holder that dead letters are marked for a redrive. */
  redriven(id: PipelineId): void {
    this.#redriven.notify(keyOf(id));
  }
}

/** A log with one owner has no other processes. */
export const NO_OTHERS: Others = { takers: 0, movers: 0 };
