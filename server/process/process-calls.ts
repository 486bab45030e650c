import type { OwnerCalls, UserCalls } from '../../adapters/logs/ipc/calls.ts';
import type { IpcConnection } from '../../adapters/logs/ipc/connection.ts';
import type { TailLine } from '../../schemas/admin-api/tail.ts';
import type { Config } from '../../schemas/config.ts';
import type { Damage } from '../log/damage.ts';
import type { Room } from '../log/disk.ts';
import type { Collected } from '../operate/metrics.ts';

/** What the owner knows of the log beside what the log says itself. */
export interface LogStatus {
  readonly room: Room | undefined;
  readonly damage: Damage | undefined;
}

/** What a web process may ask the owner of the log, beside its store. */
export interface CallsOfOwner extends OwnerCalls {
  /** The configuration in force: one for all, read by the owner. */
  config(): Config;
  logStatus(): LogStatus;
  /** It listens, and takes events. */
  listening(port: number): void;
  /** What all processes count together, as Prometheus text. */
  metrics(): string;
  /** A line for whoever follows the tail, of what happened there. */
  show(line: TailLine): void;
  /** Whether somebody follows the tail there. */
  watch(watching: boolean): void;
}

/** What the owner of the log may ask a web process. */
export interface CallsOfWeb extends UserCalls {
  /** A new configuration; resolves when it is in force. */
  reload(config: Config): void;
  stop(): void;
  /** Told now and then. */
  logStatus(logStatus: LogStatus): void;
  /** What this process counts itself. */
  counts(): Collected;
  /** Lines for those who follow the tail there, and how many were left out after them. */
  lines(lines: readonly TailLine[], missed: number): void;
}

export type ConnectionToOwner = IpcConnection<CallsOfOwner, CallsOfWeb>;
export type ConnectionToWeb = IpcConnection<CallsOfWeb, CallsOfOwner>;
