import type { Static, TObject } from 'typebox';
import type { Event } from '../../schemas/event.ts';
import type { Outcome } from '../outcome.ts';

/** An event on its way to a destination, with its position on the shop's log. */
export interface Outbound {
  readonly position: number;
  readonly event: Event;
  /** Its bytes on the log, if known. */
  readonly bytes?: number;
}

/** A batch, with an id that makes repeats harmless. */
export interface Batch {
  readonly shop: string;
  readonly pipeline: string;
  /** The same for every attempt of the same events. Letters, digits, '_' and '-' only. */
  readonly id: string;
  readonly events: readonly Outbound[];
}

/** What a destination gets from outside: everything with an effect is an argument. */
export interface Tools {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly logger: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

/**
 * A live connection. `send` is never called twice at once. It gives one outcome per event, in order. If it throws, nothing is known and all
 * events are retried. It must settle soon after `signal` aborts (timeout or shutdown).
 */
export interface Sender {
  send(batch: Batch, signal: AbortSignal): Promise<Outcome[]>;
  /** Called once, after the last send has settled: flushes, and closes files and sockets. */
  close?(): Promise<void>;
}

/** A kind of place events go. One file, and one line in index.ts. */
export interface Destination<S extends TObject = TObject> {
  readonly type: string;
  /** One sentence for the documentation. */
  readonly description: string;
  /** Every property has a description, and a default or is required. Secrets carry `sensitive: true`. */
  readonly settings: S;
  /** Whether a pipeline may have several connections side by side, as its lanes. Without it there is only one. */
  readonly lanes?: boolean;
  /** Whether events stay on a disk of this machine, and are lost if that is wiped. */
  readonly onDisk?: boolean;
  /** Most events in one batch. */
  readonly maxBatch: (settings: Static<S>) => number;
  /** Mistakes that a schema cannot express, each a sentence; empty if there are none. No effects. */
  check?(settings: Static<S>): readonly string[];
  connect(settings: Static<S>, tools: Tools): Sender;
}
