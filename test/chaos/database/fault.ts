import type { Finding } from '../findings.ts';

export interface FaultOptions {
  /** Empty, and kept by the caller. */
  readonly folder: string;
  /** The gateway's main.js. */
  readonly entry: string;
  readonly seed: number;
  /** How long the fault goes on. */
  readonly seconds: number;
  /** Events per second. */
  readonly rate: number;
  /** How long destinations may take to catch up. */
  readonly quietMs: number;
}

/** Something that happens to the database of a gateway under load, or to processes that share it. */
export interface Fault {
  readonly name: string;
  readonly seconds: { readonly usual: number; readonly short: number };
  play(options: FaultOptions): Promise<Finding[]>;
}
