/** Something saved up at a steady rate, to a limit. It may be overdrawn. */
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
  /** Milliseconds until there is some; 0 or less where there is. */
  waitMs(): number {
    const time = this.#now();
    this.#level = Math.min(this.#most, this.#level + (time - this.#at) * this.#perMs);
    this.#at = time;
    return -this.#level / this.#perMs;
  }
  /** A negative amount is given back. */
  spend(amount: number): void {
    this.#level -= amount;
  }
}
