import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { IpcConnection } from '../../adapters/logs/ipc/connection.ts';
import type { Clock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { GatewayFailure } from '../config/start-errors.ts';
import { type CallsOfOwner, type CallsOfWeb, type ConnectionToWeb, channelTo } from './process-calls.ts';
import { closeUntaken } from './untaken-connections.ts';

export interface WebProcessesTools {
  readonly count: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with the connection to each new process, before that can send anything. */
  readonly onStarted: (id: number, connection: ConnectionToWeb) => void;
  readonly onEnded: (id: number) => void;
  /** Called when web processes keep ending. The gateway should stop. */
  readonly onFailure: (error: Error) => void;
}

interface WebProcess {
  readonly id: number;
  readonly connection: ConnectionToWeb;
  readonly startedAt: number;
  /** The port, once it listens. Rejects if the process ends before. */
  readonly listening: Promise<number>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** A process that ends sooner than this after its start counts as one more in a row. */
const EARLY_MS = 60_000;
const MOST_IN_A_ROW = 5;

/** The variable that marks a web process. Being a cluster worker is not enough: process managers start clusters too. */
export const OWNER = 'HEADLESS_EVENTS_OWNER';

/** Milliseconds until a process is replaced that ended early this many times in a row: 0, 1000, 2000, 4000. Undefined: it is not replaced. */
export const restartAfter = (inARow: number): number | undefined =>
  inARow >= MOST_IN_A_ROW ? undefined : inARow === 1 ? 0 : 1000 * 2 ** (inARow - 2);

/** Starts `count` web processes on one port, and keeps that many running. */
export class WebProcesses {
  readonly #tools: WebProcessesTools;
  readonly #running = new Map<number, { readonly connection: ConnectionToWeb; readonly child: ChildProcess }>();
  readonly #stopping = new AbortController();
  #kept: readonly Promise<void>[] = [];

  constructor(tools: WebProcessesTools) {
    this.#tools = tools;
  }

  /** Starts them; gives the port that they share. Rejects with ConfigError if they cannot start. */
  async start(): Promise<number> {
    cluster.setupPrimary({ serialization: 'advanced' });
    // They end when their channel closes, unless they hang.
    process.once('exit', () => {
      for (const { child } of this.#running.values()) child.kill('SIGKILL');
    });
    // Start one first, so that a reason not to start is reported only once.
    const first = this.#fork();
    const port = await first.listening;
    const others = Array.from({ length: this.#tools.count - 1 }, () => this.#fork());
    await Promise.all(others.map(({ listening }) => listening));
    this.#kept = [first, ...others].map((one) => this.#keep(one));
    return port;
  }

  /** Connections to the processes that listen to theirs. A message to another one would be lost; it asks for everything once it listens. */
  get connections(): ReadonlyMap<number, ConnectionToWeb> {
    return new Map(
      [...this.#running].flatMap(([id, { connection }]) => (connection.heard ? [[id, connection] as const] : [])),
    );
  }

  /** Stops them; resolves when each has answered its requests and ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { connection, child } of this.#running.values()) {
      if (connection.heard) connection.notify('stop', []);
      // A process that does not listen yet has no requests.
      else child.kill('SIGTERM');
    }
    await Promise.all(this.#kept);
  }

  /** Replaces a process whenever it ends. */
  async #keep(first: WebProcess): Promise<void> {
    const { clock, logger, onFailure } = this.#tools;
    let inARow = 0;
    for (let current = first; ; current = this.#fork()) {
      const ending = await current.ended;
      if (this.#stopping.signal.aborted) return;
      inARow = clock.steady() - current.startedAt < EARLY_MS ? inARow + 1 : 1;
      const waitMs = restartAfter(inARow);
      logger.error({ web: current.id, ...ending, in_a_row: inARow, wait_ms: waitMs }, 'a web process ended');
      if (waitMs === undefined)
        return onFailure(
          new GatewayFailure(
            `web processes ended ${inARow} times in a row soon after their start; the lines above say why`,
          ),
        );
      await clock.sleep(waitMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
    }
  }

  #fork(): WebProcess {
    const { clock, logger, onStarted, onEnded } = this.#tools;
    const { id, process: child } = cluster.fork({ [OWNER]: process.pid });
    closeUntaken(child);
    const connection = new IpcConnection<CallsOfWeb, CallsOfOwner>(channelTo(child));
    this.#running.set(id, { connection, child });
    const ended = new Promise<Awaited<WebProcess['ended']>>((resolve) =>
      child.once('exit', (code, signal) => {
        this.#running.delete(id);
        onEnded(id);
        resolve({ code, signal });
      }),
    );
    const listening = new Promise<number>((resolve, reject) => {
      connection.serve({ listening: ([port]) => resolve(port) });
      void ended.then(() => reject(new ConfigError(['a web process did not start; the lines above say why'])));
    });
    void listening.then(
      () => logger.info({ web: id, pid: child.pid }, 'a web process takes events'),
      () => {},
    );
    onStarted(id, connection);
    return { id, connection, startedAt: clock.steady(), listening, ended };
  }
}
