import type { Static, TObject } from 'typebox';
import type { Event } from '../../schemas/event.ts';
import type { Outcome } from '../outcome.ts';

/** A pipeline's event on its way out: what happened, and its place in the shop's log. */
export interface Outbound {
  readonly position: number;
  readonly event: Event;
  /** What it takes on the log, where that is known. */
  readonly bytes?: number;
}

/** One batch, and what makes its repetition harmless. */
export interface Batch {
  readonly shop: string;
  readonly pipeline: string;
  /** The same for every attempt of the same events. Letters, digits, '_' and '-' only. */
  readonly id: string;
  readonly events: readonly Outbound[];
}

/** What the outside world lends to a destination; everything with an effect is an argument. */
export interface Tools {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly logger: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

/**
 * A live connection. `send` is never called twice at once. It gives one outcome per event, in the same order.
 * Throwing means: nothing is known, try all of it again. When `signal` aborts (timeout or shutdown) it must settle soon.
 */
export interface Sender {
  send(batch: Batch, signal: AbortSignal): Promise<Outcome[]>;
  /** Called once, after the last send has settled; flushes and lets go of files and sockets. */
  close?(): Promise<void>;
}

/** A kind of place events go. One file, and one line in index.ts. */
export interface Destination<S extends TObject = TObject> {
  readonly type: string;
  /** One sentence for the documentation. */
  readonly description: string;
  /** Every property has a description, and a default or is required. Secrets carry `sensitive: true`. */
  readonly settings: S;
  /** Whether several connections of one pipeline may work side by side, as its lanes; without it only one. */
  readonly lanes?: boolean;
  /** Whether events stay on a disk of the gateway's machine, and are lost where that is wiped. */
  readonly onDisk?: boolean;
  /** Most events in one batch. */
  readonly maxBatch: (settings: Static<S>) => number;
  /** Mistakes that a schema cannot express, each a sentence; empty if there are none. No effects. */
  check?(settings: Static<S>): readonly string[];
  connect(settings: Static<S>, tools: Tools): Sender;
}
