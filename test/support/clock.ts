import type { Clock } from '../../server/base/clock.ts';

/** A clock that stands still until told to go on; sleepers wake in order of their time. */
export class TestClock implements Clock {
  #now: number;
  #set = 0;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  /** Every wait that was asked for, in milliseconds. */
  readonly waits: number[] = [];

  constructor(now = Date.parse('2026-06-01T12:00:00Z')) {
    this.#now = now;
  }

  now(): number {
    return this.#now + this.#set;
  }

  steady(): number {
    return this.#now;
  }

  /** Sets what it shows forward, or back, while no time passes. */
  set(ms: number): void {
    this.#set += ms;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.waits.push(ms);
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#sleepers.push({ at: this.#now + ms, wake });
      signal.addEventListener('abort', wake);
    });
  }

  /** Goes on by this many milliseconds, waking sleepers on the way and letting each run before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      this.#sleepers.sort((a, b) => a.at - b.at);
      const next = this.#sleepers[0];
      if (next === undefined || next.at > end) break;
      this.#sleepers.shift();
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      await settle();
    }
    this.#now = end;
  }
}

/** Lets everything run that can run without time passing. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
