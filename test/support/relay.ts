import { type ChildProcess, spawn } from 'node:child_process';
import type { Channel } from '../../adapters/logs/ipc/connection.ts';

/** Channels whose messages pass through another process, there and back, as Node's IPC carries them. */
export interface Relay {
  /** Two ends that hear each other, and how many messages have passed between them. */
  pair(): { readonly ends: readonly [Channel, Channel]; messages(): number; cut(): void };
  close(): void;
}

type Passing = readonly [to: number, message: unknown];

export function openRelay(): Relay {
  const echo: ChildProcess = spawn(process.execPath, ['-e', `process.on('message', (m) => process.send(m))`], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const ends: End[] = [];
  echo.on('message', (message: Passing) => {
    const [to, said] = message;
    ends[to]?.hear(said);
  });
  const end = (own: number, other: number): End => {
    ends[own] = new End((message) => void echo.send([other, message] satisfies Passing));
    return ends[own];
  };
  return {
    pair: () => {
      const first = ends.length;
      const pair = [end(first, first + 1), end(first + 1, first)] as const;
      return {
        ends: pair,
        messages: () => pair[0].heard + pair[1].heard,
        cut: () => pair.forEach((one) => void one.cut()),
      };
    },
    close: () => void echo.kill('SIGKILL'),
  };
}

class End implements Channel {
  heard = 0;
  readonly send: Channel['send'];
  readonly #listeners: ((message: unknown) => void)[] = [];
  readonly #onClosed: (() => void)[] = [];
  #isCut = false;

  constructor(send: (message: unknown) => void) {
    this.send = (message) => {
      if (!this.#isCut) send(message);
    };
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#listeners.push(listener);
  }

  onClosed(listener: () => void): void {
    this.#onClosed.push(listener);
  }

  hear(message: unknown): void {
    if (this.#isCut) return;
    this.heard += 1;
    for (const listener of this.#listeners) listener(message);
  }

  cut(): void {
    this.#isCut = true;
    for (const listener of this.#onClosed) listener();
  }
}
