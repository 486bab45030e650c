import { onAbort } from '../../on-abort.ts';
import { LogUnavailable, UnreadableEvents, type UnreadableStretch } from '../log.ts';

/** A channel to another process of this gateway. Messages arrive complete and in order, or not at all if that process is gone. */
export interface Channel {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  onClosed(listener: () => void): void;
}

/** The functions that one end may call on the other. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments are those of whichever function is asked.
export type Calls<T> = { [K in keyof T]: T[K] extends (...args: any[]) => unknown ? T[K] : never };
type Arguments<T, K extends keyof T> = Parameters<Calls<T>[K]>;
type Result<T, K extends keyof T> = Awaited<ReturnType<Calls<T>[K]>>;

/** Handlers for the calls of the other end. The signal aborts when the other end no longer wants the answer or is gone. */
export type Answers<T> = {
  [K in keyof T]: (args: Arguments<T, K>, signal: AbortSignal) => Result<T, K> | Promise<Result<T, K>>;
};

type Item =
  | readonly [kind: 'call', id: number, name: string, args: readonly unknown[]]
  | readonly [kind: 'notify', name: string, args: readonly unknown[]]
  | readonly [kind: 'abort', id: number]
  | readonly [kind: 'answer', id: number, value: unknown]
  | readonly [kind: 'failure', id: number, unavailable: boolean | UnreadableStretch, reason: string];

interface Question {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One end of a channel between two processes; both may call and answer. All calls of one turn of the event loop travel in one message. Errors of
 * the other end are thrown here: LogUnavailable and UnreadableEvents as such, everything else as a plain error.
 */
export class IpcConnection<Theirs, Ours> {
  readonly #channel: Channel;
  readonly #answers: Partial<Answers<Ours>> = {};
  readonly #closed = new AbortController();
  readonly #asked = new Map<number, Question>();
  readonly #answering = new Map<number, AbortController>();
  #lastId = 0;
  #out: Item[] = [];
  #heard = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onMessage((message) => {
      this.#heard = true;
      for (const item of message as readonly Item[]) this.#take(item);
    });
    channel.onClosed(() => this.#close());
  }

  /** Aborts when the other end is gone. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Whether the other end has sent anything yet. Messages to a process that does not listen yet are lost. */
  get heard(): boolean {
    return this.#heard;
  }

  /** Handles these calls from now on. */
  serve(answers: Partial<Answers<Ours>>): void {
    Object.assign(this.#answers, answers);
  }

  /** Rejects with LogUnavailable if the other end is gone. An aborted signal reaches the function that answers; the answer is still waited for. */
  call<K extends keyof Theirs & string>(
    name: K,
    args: Arguments<Theirs, K>,
    signal?: AbortSignal,
  ): Promise<Result<Theirs, K>> {
    if (this.closed.aborted) return Promise.reject(gone());
    const id = ++this.#lastId;
    this.#send(['call', id, name, args]);
    const abort = () => this.#send(['abort', id]);
    if (signal?.aborted) abort();
    const ignore = signal && onAbort(signal, abort);
    return new Promise<Result<Theirs, K>>((resolve, reject) => {
      this.#asked.set(id, { resolve: resolve as (value: unknown) => void, reject });
    }).finally(ignore);
  }

  /** A call without an answer. */
  notify<K extends keyof Theirs & string>(name: K, args: Arguments<Theirs, K>): void {
    if (!this.closed.aborted) this.#send(['notify', name, args]);
  }

  #send(item: Item): void {
    this.#out.push(item);
    if (this.#out.length > 1) return;
    // After everything else that this turn sends.
    setImmediate(() => {
      const items = this.#out;
      this.#out = [];
      if (!this.closed.aborted) this.#channel.send(items);
    });
  }

  #take(item: Item): void {
    switch (item[0]) {
      case 'call':
        void this.#reply(item[1], item[2], item[3]);
        break;
      case 'notify':
        void this.#run(item[1], item[2], this.closed);
        break;
      case 'abort':
        this.#answering.get(item[1])?.abort();
        break;
      case 'answer':
        this.#settled(item[1])?.resolve(item[2]);
        break;
      case 'failure':
        this.#settled(item[1])?.reject(errorOf(item[2], item[3]));
    }
  }

  async #reply(id: number, name: string, args: readonly unknown[]): Promise<void> {
    const wanted = new AbortController();
    this.#answering.set(id, wanted);
    try {
      this.#send(['answer', id, await this.#run(name, args, wanted.signal)]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const unreadable = error instanceof UnreadableEvents ? error.stretch : undefined;
      this.#send(['failure', id, unreadable ?? error instanceof LogUnavailable, reason]);
    } finally {
      this.#answering.delete(id);
    }
  }

  async #run(name: string, args: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    const answer = Object.hasOwn(this.#answers, name) ? this.#answers[name as keyof Ours] : undefined;
    if (answer === undefined) throw new Error(`expected a call that is answered here, got ${name}`);
    return answer(args as Arguments<Ours, keyof Ours>, signal);
  }

  #settled(id: number): Question | undefined {
    const question = this.#asked.get(id);
    this.#asked.delete(id);
    return question;
  }

  #close(): void {
    this.#closed.abort();
    for (const { reject } of this.#asked.values()) reject(gone());
    for (const wanted of this.#answering.values()) wanted.abort();
    this.#asked.clear();
  }
}

/** Rebuilds an error of the other end, as far as callers distinguish errors. */
function errorOf(kind: boolean | UnreadableStretch, reason: string): Error {
  if (typeof kind !== 'boolean') return new UnreadableEvents(kind);
  return kind ? new LogUnavailable(reason) : new Error(reason);
}

const gone = (): LogUnavailable => new LogUnavailable('the process at the other end is gone');
