import type { Cursor, Update } from '../../adapters/logs/state/cursors.ts';
import type { JournalLine } from '../../adapters/logs/state/journal.ts';
import type { Progress } from '../../adapters/logs/state/progress.ts';
import type { Clock } from '../base/clock.ts';

/** How long progress may wait to be saved: receipts, balance and lag may be this much behind, in milliseconds. */
export const SAVE_WITHIN_MS = 100;
/** Most events that go out one by one between two saves. After a crash as many are sent one by one again. */
export const MOST_ALONE = 32;

/** Progress that is not saved yet. */
interface Deferred {
  readonly journal: JournalLine | undefined;
  /** Windows in it, of at most one wanted event each. */
  readonly windows: number;
}

const NOTHING: Deferred = { journal: undefined, windows: 0 };

/**
 * A pipeline's cursor that saves several windows with one commit. `progress` is the newest, whether it is saved or not. A crash forgets what was
 * not saved, so only repeats may come of it: see `mayGoAlone`.
 */
export class DeferredCursor implements Cursor {
  readonly #cursor: Cursor;
  readonly #clock: Clock;
  readonly #failed = new AbortController();
  #progress: Progress;
  #deferred: Deferred = NOTHING;
  #saving: { readonly deferred: Deferred; readonly ended: Promise<void> } | undefined;
  #cancel: (() => void) | undefined;

  constructor(cursor: Cursor, clock: Clock) {
    this.#cursor = cursor;
    this.#clock = clock;
    this.#progress = cursor.progress;
  }

  get progress(): Progress {
    return this.#progress;
  }

  get wanted(): AbortSignal {
    return this.#cursor.wanted;
  }

  /** Aborts if deferred progress could not be saved: end the work, `settle` tries again. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  redriven(): AbortSignal {
    return this.#cursor.redriven();
  }

  release(): Promise<void> {
    return this.#cursor.release();
  }

  /**
   * Whether a window with one wanted event may be sent without saving its bounds: the next loop, too, sends as many events as
   * `Progress.alone` says one by one, and so in the same batches.
   */
  get mayGoAlone(): boolean {
    const { alone = 0 } = this.#cursor.progress;
    return this.#deferred.windows + (this.#saving?.deferred.windows ?? 0) < alone;
  }

  /** Takes a window's progress, to be saved with the next save or soon. */
  defer({ progress, journal }: Update): void {
    this.#progress = progress;
    this.#deferred = { journal: joined(this.#deferred.journal, journal), windows: this.#deferred.windows + 1 };
    this.#cancel ??= this.#clock.after(SAVE_WITHIN_MS, () => this.#saveDeferred());
  }

  /** Saves an update, together with everything deferred before. */
  async save(update: Update): Promise<void> {
    await this.#saving?.ended;
    await this.#save(update, MOST_ALONE);
  }

  /** Saves what is deferred. `inOrder`: whatever was sent is in the progress, so the next loop's batches may be of any size. */
  async settle(inOrder: boolean): Promise<void> {
    await this.#saving?.ended;
    if (this.#deferred !== NOTHING || (inOrder && this.#cursor.progress.alone !== undefined))
      await this.#save({ progress: this.#progress }, inOrder ? undefined : MOST_ALONE);
    this.#stopWaiting();
  }

  async #save({ progress, journal, dead }: Update, alone: number | undefined): Promise<void> {
    this.#stopWaiting();
    const { alone: _, ...rest } = progress;
    const next = alone === undefined ? rest : { ...rest, alone };
    await this.#write({ progress: next, journal: joined(this.#deferred.journal, journal), dead });
    this.#progress = next;
    this.#deferred = NOTHING;
  }

  /** Meanwhile the loop goes on, and may defer more. */
  #saveDeferred(): void {
    this.#cancel = undefined;
    const deferred = this.#deferred;
    this.#deferred = NOTHING;
    const saved = this.#write({ progress: { ...this.#progress, alone: MOST_ALONE }, journal: deferred.journal });
    const ended = saved.then(
      () => {
        this.#saving = undefined;
      },
      () => {
        this.#saving = undefined;
        const { journal, windows } = this.#deferred;
        this.#deferred = { journal: joined(deferred.journal, journal), windows: deferred.windows + windows };
        this.#failed.abort();
      },
    );
    this.#saving = { deferred, ended };
  }

  async #write({ progress, journal, dead }: Update): Promise<void> {
    await this.#cursor.save({ progress, journal, dead });
  }

  #stopWaiting(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

/** The journal lines of two stretches, one after the other, as one. */
function joined(first: JournalLine | undefined, second: JournalLine | undefined): JournalLine | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  const early = [...(first.early ?? []), ...(second.early ?? [])];
  return {
    ...second,
    from: first.from,
    batches: [...first.batches, ...second.batches],
    ...(early.length > 0 && { early }),
  };
}
