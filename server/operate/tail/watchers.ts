import type { TailLine } from '../../../schemas/admin-api/tail.ts';
import { LineBuffer } from './line-buffer.ts';
import type { Tail } from './tail.ts';

/** Sends lines to the readers of another process; resolves when it can take more. `missed`: how many were left out after them. */
export type Watcher = (lines: readonly TailLine[], missed: number) => Promise<unknown>;

/** The tail of a process without readers of its own: it sends its lines to other processes. Nothing waits for them: they miss lines instead. */
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
  readonly #buffer = new LineBuffer({ maxLines: WAITING_LINES });
  #sending = false;

  constructor(watcher: Watcher) {
    this.#watcher = watcher;
  }

  put(line: TailLine): void {
    this.#buffer.put(line);
    if (!this.#sending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#sending = true;
    for (let taken = this.#buffer.takeAll(); taken.lines.length > 0; taken = this.#buffer.takeAll()) {
      try {
        await this.#watcher(taken.lines, taken.missed);
      } catch {
        // The process has ended. `#sending` stays set, so nothing more is sent.
        return;
      }
    }
    this.#sending = false;
  }
}
