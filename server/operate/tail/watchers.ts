import type { TailLine } from '../../../schemas/admin-api/tail.ts';
import type { Tail } from './tail.ts';

/** Takes lines for the readers in another process; resolves when it can take more. `missed`: how many were left out after them. */
export type Watcher = (lines: readonly TailLine[], missed: number) => Promise<unknown>;

/** The tail of a process without readers: others watch, and are handed the lines. Nothing waits for them: they miss lines instead. */
export interface Watchers extends Pick<Tail, 'listening' | 'publish'> {
  watch(process: number, watcher: Watcher): void;
  unwatch(process: number): void;
}

const WAITING_LINES = 1000;

export function createWatchers(): Watchers {
  const outboxes = new Map<number, Outbox>();
  return {
    get listening() {
      return outboxes.size > 0;
    },
    publish: (line) => {
      for (const outbox of outboxes.values()) outbox.put(line);
    },
    watch: (process, watcher) => void outboxes.set(process, new Outbox(watcher)),
    unwatch: (process) => void outboxes.delete(process),
  };
}

class Outbox {
  readonly #watcher: Watcher;
  #lines: TailLine[] = [];
  #missed = 0;
  #sending = false;

  constructor(watcher: Watcher) {
    this.#watcher = watcher;
  }

  put(line: TailLine): void {
    if (this.#lines.length < WAITING_LINES) this.#lines.push(line);
    else this.#missed += 1;
    if (!this.#sending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#sending = true;
    while (this.#lines.length > 0) {
      const [lines, missed] = [this.#lines, this.#missed];
      this.#lines = [];
      this.#missed = 0;
      try {
        await this.#watcher(lines, missed);
      } catch {
        // It is gone: it has no readers any more.
        return;
      }
    }
    this.#sending = false;
  }
}
