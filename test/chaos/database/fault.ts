import type { Finding } from '../findings.ts';

export interface FaultOptions {
  /** Empty, and kept by the caller. */
  readonly folder: string;
  /** The gateway's main.js. */
  readonly entry: string;
  readonly seed: number;
  /** How long the fault goes on. */
  readonly seconds: number;
  /** How often it happens, for those that happen again and again: as often as there is time for, if absent. */
  readonly times?: number | undefined;
  /** Events per second. */
  readonly rate: number;
  /** How long destinations may take to catch up. */
  readonly quietMs: number;
}

/** How much of a fault is played by itself, and where it must be short. */
export interface Extent {
  readonly usual: number;
  readonly short: number;
}

/** Something that happens to the database of a gateway under load, or to processes that share it: for a time, or this many times. */
export interface Fault {
  readonly name: string;
  readonly seconds?: Extent;
  readonly times?: Extent;
  play(options: FaultOptions): Promise<Finding[]>;
}
