import type { Event } from '../../../schemas/event.ts';
import type { Position } from '../log.ts';
import type { Page, PipelineId } from './shared.ts';

export interface DeadLetter {
  readonly position: Position;
  readonly event: Event;
  readonly reason: string;
  readonly attempts: number;
  readonly at: number;
  /** An operator marked it for a redrive. */
  readonly redrive?: boolean;
  /** Why a redrive did not send it: the pipeline's filter does not want it any more. */
  readonly leftOut?: { readonly reason: string; readonly at: number };
  /** How it ended; kept for receipts as long as its event. */
  readonly ended?: {
    /** The limit, if one removed it. */
    readonly kind: 'delivered' | 'discarded' | DeadLetterLimit;
    readonly at: number;
    readonly attempts: number;
    readonly status: string;
  };
}

/** The limits of dead letters: their number, or their age. */
export type DeadLetterLimit = 'count' | 'age';

/** Events that a destination will never take, with the reason, until they are delivered in the end or removed. */
export interface DeadLetters {
  /** Open ones, oldest first: at least one, up to `limit`, up to and including the one that reaches READ_BYTES. Only the last page is empty. */
  open(id: PipelineId, page: Page): Promise<DeadLetter[]>;
  /** Also one that has ended. */
  at(id: PipelineId, position: Position): Promise<DeadLetter | undefined>;
  /** The positions of dead letters in a stretch (after one position up to another) that were not delivered in the end. */
  undelivered(id: PipelineId, after: Position, to: Position): Promise<Position[]>;
  /** Marks open dead letters for a redrive and tells the pipeline's holder. Gives the number marked. */
  redrive(id: PipelineId, positions: readonly Position[]): Promise<number>;
  /** Open and marked ones, in pages like those of `open`. */
  marked(id: PipelineId, page: Page): Promise<DeadLetter[]>;
  /**
   * Discards dead letters for good: once it resolves, none of them is sent. Takes the pipeline from its holder if one of them is being redriven;
   * what was answered until then counts as delivered. Gives the number discarded. `at`: milliseconds since 1970.
   */
  discard(id: PipelineId, positions: readonly Position[], at: number): Promise<number>;
  /** Removes each pipeline's oldest open dead letters above the limits, except marked ones; at most some thousand per call. */
  limit(ids: readonly PipelineId[]): Promise<void>;
  /** Number of dead letters that the limits have removed of each pipeline, in the given order. */
  letGo(ids: readonly PipelineId[]): Promise<Readonly<Record<DeadLetterLimit, number>>[]>;
}
