import type { Progress } from '../../adapters/logs/state.ts';

/** Which of a progress is about how attempts go. */
export type Streaks = Pick<Progress, 'failingSince' | 'failure' | 'lastSuccessAt'>;

/** A failing pipeline as it is told in the log. */
export interface Failing {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly attempts: number;
  readonly reason: string;
}

/** That a pipeline fails no more. */
export interface Recovery extends Failing {
  readonly failedMs: number;
}

/** A clock that was set by more than this moves the moments that are saved. */
const CLOCK_SET_MS = 60_000;
/** One failed attempt happens anywhere: of more in a row somebody should know. */
export const WORTH_TELLING = 2;

/** How the attempts of a pipeline go, over all its lanes, its redrives and its restarts. */
export class Streak {
  #saved: Streaks;
  /** Since when it fails, on the steady clock. */
  #failingFrom: number | undefined;
  /** Whether this process has said that it fails. */
  #told = false;

  /** Goes on from what was saved. */
  constructor({ failingSince, failure, lastSuccessAt }: Streaks) {
    this.#saved = {
      ...(failingSince !== undefined && { failingSince, ...(failure && { failure }) }),
      ...(lastSuccessAt !== undefined && { lastSuccessAt }),
    };
  }

  /** As it is to be saved. */
  get saved(): Streaks {
    return this.#saved;
  }

  get failing(): boolean {
    return this.#saved.failingSince !== undefined;
  }

  /** What a progress is with it. */
  in({ failingSince: _, failure: __, lastSuccessAt: ___, ...progress }: Progress): Progress {
    return { ...progress, ...this.#saved };
  }

  /** Whether a progress has it already. */
  isIn({ failingSince, failure, lastSuccessAt }: Progress): boolean {
    const { failure: mine } = this.#saved;
    return (
      failingSince === this.#saved.failingSince &&
      lastSuccessAt === this.#saved.lastSuccessAt &&
      failure?.attempts === mine?.attempts &&
      failure?.reason === mine?.reason &&
      failure?.nextAttemptAt === mine?.nextAttemptAt
    );
  }

  /** An attempt has settled events: delivered some, or found that they can never be. Gives what has ended, where it is worth telling. */
  settled(now: number, delivered: boolean): Recovery | undefined {
    const recovery = this.#ended(now);
    this.#saved = delivered ? { lastSuccessAt: now } : withoutFailing(this.#saved);
    return recovery;
  }

  /** There is nothing to try any more. */
  nothingLeft(now: number): Recovery | undefined {
    const recovery = this.#ended(now);
    this.#saved = withoutFailing(this.#saved);
    return recovery;
  }

  /**
   * An attempt has settled nothing. Gives for how long that is so, in milliseconds (what passed while no process ran is taken by the clock),
   * and what is to be told, once in this process.
   */
  failed(
    reason: string,
    { now, steady }: { readonly now: number; readonly steady: number },
  ): { readonly ms: number; readonly failing: Failing | undefined } {
    const { failingSince: was, failure } = this.#saved;
    this.#failingFrom ??= steady - Math.max(0, now - (was ?? now));
    const ms = steady - this.#failingFrom;
    // Where the clock was set, the moment that is saved moves with it, so that the next process counts on from the same length.
    const since = was === undefined || Math.abs(now - ms - was) > CLOCK_SET_MS ? now - ms : was;
    const attempts = (failure?.attempts ?? 0) + 1;
    this.#saved = { ...this.#saved, failingSince: since, failure: { attempts, reason } };
    const tell = !this.#told && attempts >= WORTH_TELLING;
    this.#told ||= tell;
    return { ms, failing: tell ? { since, attempts, reason } : undefined };
  }

  /** When the next attempt begins, if this one has failed. */
  waits(nextAttemptAt: number): void {
    const { failure } = this.#saved;
    if (failure) this.#saved = { ...this.#saved, failure: { ...failure, nextAttemptAt } };
  }

  #ended(now: number): Recovery | undefined {
    const { failingSince: since, failure: { attempts, reason } = { attempts: 0, reason: '' } } = this.#saved;
    this.#failingFrom = undefined;
    this.#told = false;
    if (since === undefined || attempts < WORTH_TELLING) return undefined;
    return { since, attempts, reason, failedMs: Math.max(0, now - since) };
  }
}

const withoutFailing = ({ lastSuccessAt }: Streaks): Streaks => (lastSuccessAt === undefined ? {} : { lastSuccessAt });
