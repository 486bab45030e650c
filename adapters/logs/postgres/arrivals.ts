import { onAbort } from '../../on-abort.ts';
import type { Position } from '../log.ts';

/** The newest known position of each shop, and the readers that wait for more. */
export class PostgresArrivals {
  readonly #newest = new Map<string, Position>();
  readonly #readers = new Map<string, Set<() => void>>();
  #closed = false;

  /** 0 if nothing is known of the shop. */
  newest(shop: string): Position {
    return this.#newest.get(shop) ?? 0;
  }

  /** The shops that readers wait for. */
  get awaited(): string[] {
    return [...this.#readers.keys()];
  }

  /** Called with a new newest position, from this process or another. */
  grown(shop: string, newest: Position): void {
    if (newest <= this.newest(shop)) return;
    this.#newest.set(shop, newest);
    for (const wake of [...(this.#readers.get(shop) ?? [])]) wake();
  }

  /** Resolves when the shop has events after `after` (at once if it has them already), when the signal aborts, or after `close`. */
  past(shop: string, after: Position, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const readers = this.#readers.get(shop) ?? new Set();
      this.#readers.set(shop, readers);
      const done = () => {
        readers.delete(wake);
        if (readers.size === 0 && this.#readers.get(shop) === readers) this.#readers.delete(shop);
        ignore();
        resolve();
      };
      const wake = () => {
        if (this.#closed || this.newest(shop) > after) done();
      };
      readers.add(wake);
      const ignore = onAbort(signal, done);
      if (signal.aborted) done();
      else wake();
    });
  }

  /** Ends all waits. */
  close(): void {
    this.#closed = true;
    for (const readers of this.#readers.values()) for (const wake of [...readers]) wake();
  }
}
