import type { ChildProcess, Serializable } from 'node:child_process';
import type { OwnerCalls, UserCalls } from '../../adapters/logs/ipc/calls.ts';
import type { Channel, IpcConnection } from '../../adapters/logs/ipc/connection.ts';
import type { TailLine } from '../../schemas/admin-api/tail.ts';
import type { Config } from '../../schemas/config.ts';
import type { Damage } from '../log/damage.ts';
import type { Room } from '../log/disk.ts';
import type { Collected } from '../operate/metrics.ts';

/** What the owner knows about the log: room on its disk, and damage. */
export interface LogStatus {
  readonly room: Room | undefined;
  readonly damage: Damage | undefined;
}

/** Calls of a web process to the owner of the log, beside those of the store. */
export interface CallsOfOwner extends OwnerCalls {
  /** The configuration in force, which only the owner reads. */
  config(): Config;
  logStatus(): LogStatus;
  /** The web process listens and takes events. */
  listening(port: number): void;
  /** The metrics of all processes together, as Prometheus text. */
  metrics(): string;
  /** A line for the readers of the tail, from that web process. */
  show(line: TailLine): void;
  /** Whether the tail has readers in that web process. */
  watch(watching: boolean): void;
}

/** Calls of the owner of the log to a web process. */
export interface CallsOfWeb extends UserCalls {
  /** A new configuration; resolves when it is in force. */
  reload(config: Config): void;
  stop(): void;
  /** Sent whenever it may have changed. */
  logStatus(logStatus: LogStatus): void;
  /** The metrics of that web process alone. */
  counts(): Collected;
  /** Lines for the readers of the tail there. `missed`: how many were left out after them. */
  lines(lines: readonly TailLine[], missed: number): void;
}

export type ConnectionToOwner = IpcConnection<CallsOfOwner, CallsOfWeb>;
export type ConnectionToWeb = IpcConnection<CallsOfWeb, CallsOfOwner>;

/** Node's IPC channel to a process that this one started, or to the one that started this one. */
export function channelTo(peer: ChildProcess | NodeJS.Process): Channel {
  const on = (event: string, listener: (message: unknown) => void): void =>
    void (peer as ChildProcess).on(event, listener);
  return {
    // Errors are ignored: the peer is gone, which `disconnect` reports.
    send: (message) => void (peer as ChildProcess).send(message as Serializable, undefined, undefined, () => {}),
    onMessage: (listener) => on('message', listener),
    onClosed: (listener) => on('disconnect', listener),
  };
}
