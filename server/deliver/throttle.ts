import type { Clock } from '../base/clock.ts';

/**
 * Shared by the lanes of one pipeline. While the destination answers, attempts pass freely. While it fails, they pass one at a time, a
 * second apart or after its Retry-After. So a dead destination gets at most one request a second, however many lanes there are.
 */
export class Throttle {
  readonly #clock: Clock;
  #failing = false;
  #underWay = 0;
  #nextAt = Number.NEGATIVE_INFINITY;
  /** Number of attempts that settled something. */
  successes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits until an attempt may be made. Call `leave` once after each `enter`. */
  async enter(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#failing && (this.#underWay > 0 || this.#clock.steady() < this.#nextAt)) {
      await this.#clock.sleep(Math.max(100, this.#nextAt - this.#clock.steady()), signal);
    }
    this.#underWay += 1;
  }

  /** `apartMs`: how long no lane may try after a failure. */
  leave(success: boolean, apartMs: number): void {
    this.#underWay -= 1;
    this.#failing = !success;
    if (success) this.successes += 1;
    else this.#nextAt = this.#clock.steady() + apartMs;
  }
}
