import type { Clock } from '../base/clock.ts';

/**
 * Shared by the lanes of one pipeline. While its destination answers, all go through; while it fails, one attempt at a time does, a
 * second apart or as long as it asked for, so that a dead destination is asked at most once a second whatever the number of lanes.
 */
export class Throttle {
  readonly #clock: Clock;
  #failing = false;
  #underWay = 0;
  #nextAt = Number.NEGATIVE_INFINITY;
  /** How many attempts have brought something. */
  successes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for its turn. Each entry is followed by one `leave`. */
  async enter(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#failing && (this.#underWay > 0 || this.#clock.steady() < this.#nextAt)) {
      await this.#clock.sleep(Math.max(100, this.#nextAt - this.#clock.steady()), signal);
    }
    this.#underWay += 1;
  }

  /** `apartMs`: after a failure, how long no lane may try. */
  leave(success: boolean, apartMs: number): void {
    this.#underWay -= 1;
    this.#failing = !success;
    if (success) this.successes += 1;
    else this.#nextAt = this.#clock.steady() + apartMs;
  }
}
