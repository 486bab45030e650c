import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { IpcConnection } from '../../adapters/logs/ipc/connection.ts';
import type { Clock } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { GatewayFailure } from '../config/start-errors.ts';
import { channelTo } from './ipc.ts';
import type { CallsOfOwner, CallsOfWeb, ConnectionToWeb } from './process-calls.ts';

export interface WebProcessesTools {
  readonly count: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called for each new process before it can send anything. */
  readonly onStarted: (id: number, connection: ConnectionToWeb) => void;
  readonly onEnded: (id: number) => void;
  /** Called when processes end over and over again. The gateway should stop. */
  readonly onFailure: (error: Error) => void;
}

interface WebProcess {
  readonly id: number;
  readonly connection: ConnectionToWeb;
  readonly startedAt: number;
  /** The port, when it listens. Rejects where it ends before. */
  readonly listening: Promise<number>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** Ending sooner than this after its start counts as one more of a row. */
const EARLY_MS = 60_000;
const MOST_IN_A_ROW = 5;

/** Set where a process is one of these. That it is a worker of a cluster alone does not say so: process managers start clusters too. */
export const OWNER = 'HEADLESS_EVENTS_OWNER';

/** How long to wait before a process that ended early so many times in a row is replaced: 0, 1, 2, 4 s. Undefined: not again. */
export const restartAfter = (inARow: number): number | undefined =>
  inARow >= MOST_IN_A_ROW ? undefined : inARow === 1 ? 0 : 1000 * 2 ** (inARow - 2);

/** Starts so many web processes on one port, and keeps that many running. */
export class WebProcesses {
  readonly #tools: WebProcessesTools;
  readonly #running = new Map<number, { readonly connection: ConnectionToWeb; readonly child: ChildProcess }>();
  readonly #stopping = new AbortController();
  #kept: readonly Promise<void>[] = [];

  constructor(tools: WebProcessesTools) {
    this.#tools = tools;
  }

  /** Gives the port that they share. */
  async start(): Promise<number> {
    cluster.setupPrimary({ serialization: 'advanced' });
    // They leave when their channel closes, but one that hangs would not notice.
    process.once('exit', () => {
      for (const { child } of this.#running.values()) child.kill('SIGKILL');
    });
    // One alone at first: what keeps them from starting is said once.
    const first = this.#fork();
    const port = await first.listening;
    const others = Array.from({ length: this.#tools.count - 1 }, () => this.#fork());
    await Promise.all(others.map(({ listening }) => listening));
    this.#kept = [first, ...others].map((one) => this.#keep(one));
    return port;
  }

  /** To the processes that listen already. The others ask for everything when they begin: what is sent to them before is lost. */
  get connections(): ReadonlyMap<number, ConnectionToWeb> {
    return new Map(
      [...this.#running].flatMap(([id, { connection }]) => (connection.heard ? [[id, connection] as const] : [])),
    );
  }

  /** Resolves when each has answered what it had in hand, and has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { connection, child } of this.#running.values()) {
      if (connection.heard) connection.notify('stop', []);
      // It has nothing in hand.
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

/** How Node's cluster hands a connection to a process, and how that says that it has it. */
interface HandOver {
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

/**
 * Node forgets connections that it has handed to a process which dies before it takes them: they would stay open with nobody behind them,
 * and their clients wait. This closes them, by looking at what Node's cluster says to the process and hears from it.
 */
function closeUntaken(child: ChildProcess): void {
  const untaken = new Map<number, { close?(): void }>();
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  child.send = (...args: unknown[]): boolean => {
    const [{ act, seq }, connection] = args as [HandOver, object | undefined];
    if (act === 'newconn' && seq !== undefined && connection) untaken.set(seq, connection);
    return send(...args);
  };
  child.on('internalMessage', ({ ack }: HandOver) => {
    if (ack !== undefined) untaken.delete(ack);
  });
  child.once('exit', () => {
    for (const connection of untaken.values()) connection.close?.();
  });
}
