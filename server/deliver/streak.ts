import type { Progress } from '../../adapters/logs/state/progress.ts';

/** The part of a pipeline's progress that tells how its attempts go. */
export type Streaks = Pick<Progress, 'failingSince' | 'failure' | 'lastSuccessAt'>;

/** A failing pipeline, for its log line. */
export interface Failing {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly attempts: number;
  readonly reason: string;
}

/** The end of a failure. */
export interface Recovery extends Failing {
  readonly failedMs: number;
}

/** If the clock was set by more than this, the saved moments are corrected. */
const CLOCK_SET_MS = 60_000;
/** Failed attempts in a row that are reported. A single one is nothing unusual. */
export const WORTH_TELLING = 2;

/** Successes and failures of a pipeline, across its lanes, its redrives and its restarts. */
export class Streak {
  #saved: Streaks;
  /** Since when it has been failing, on the steady clock. */
  #failingFrom: number | undefined;
  /** Whether this process has reported the failure. */
  #told = false;

  /** Continues from the saved streak. */
  constructor({ failingSince, failure, lastSuccessAt }: Streaks) {
    this.#saved = {
      ...(failingSince !== undefined && { failingSince, ...(failure && { failure }) }),
      ...(lastSuccessAt !== undefined && { lastSuccessAt }),
    };
  }

  /** What is to be saved. */
  get saved(): Streaks {
    return this.#saved;
  }

  get failing(): boolean {
    return this.#saved.failingSince !== undefined;
  }

  /** A progress with this streak in it. */
  in({ failingSince: _, failure: __, lastSuccessAt: ___, ...progress }: Progress): Progress {
    return { ...progress, ...this.#saved };
  }

  /** Whether a progress has this streak already. */
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

  /** An attempt settled events: delivered some, or found that they never can be. Gives the recovery, if a reported failure has ended. */
  settled(now: number, delivered: boolean): Recovery | undefined {
    const recovery = this.#ended(now);
    this.#saved = delivered ? { lastSuccessAt: now } : withoutFailing(this.#saved);
    return recovery;
  }

  /** There is nothing left to try. Gives the recovery, if a reported failure has ended. */
  nothingLeft(now: number): Recovery | undefined {
    const recovery = this.#ended(now);
    this.#saved = withoutFailing(this.#saved);
    return recovery;
  }

  /**
   * An attempt settled nothing. Gives for how many milliseconds that has been so, including the time when no process ran (by the clock),
   * and what to report, once per failure and process.
   */
  failed(
    reason: string,
    { now, steady }: { readonly now: number; readonly steady: number },
  ): { readonly ms: number; readonly failing: Failing | undefined } {
    const { failingSince: was, failure } = this.#saved;
    this.#failingFrom ??= steady - Math.max(0, now - (was ?? now));
    const ms = steady - this.#failingFrom;
    // After the clock was set, move the saved moment too, so that the next process continues with the same duration.
    const since = was === undefined || Math.abs(now - ms - was) > CLOCK_SET_MS ? now - ms : was;
    const attempts = (failure?.attempts ?? 0) + 1;
    this.#saved = { ...this.#saved, failingSince: since, failure: { attempts, reason } };
    const tell = !this.#told && attempts >= WORTH_TELLING;
    this.#told ||= tell;
    return { ms, failing: tell ? { since, attempts, reason } : undefined };
  }

  /** Notes when the next attempt begins, in milliseconds since 1970, if this one failed. */
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
