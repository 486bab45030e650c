/** An amount that grows at a steady rate up to a limit. Spending may make it negative. */
export class Allowance {
  #level: number;
  #at: number;
  readonly #most: number;
  readonly #perMs: number;
  readonly #now: () => number;
  constructor(most: number, perMs: number, now: () => number) {
    this.#level = most;
    this.#most = most;
    this.#perMs = perMs;
    this.#now = now;
    this.#at = now();
  }
  /** Milliseconds until the amount is positive; 0 or less if it is. */
  waitMs(): number {
    const time = this.#now();
    this.#level = Math.min(this.#most, this.#level + (time - this.#at) * this.#perMs);
    this.#at = time;
    return -this.#level / this.#perMs;
  }
  /** A negative amount is a refund. */
  spend(amount: number): void {
    this.#level -= amount;
  }
}
