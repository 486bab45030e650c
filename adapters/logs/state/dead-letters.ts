import type { Event } from '../../../schemas/event.ts';
import type { Position } from '../log.ts';
import type { Page, PipelineId } from './shared.ts';

export interface DeadLetter {
  readonly position: Position;
  readonly event: Event;
  readonly reason: string;
  readonly attempts: number;
  readonly at: number;
  /** An operator asked to try it once more. */
  readonly redrive?: boolean;
  /** Why it was not sent again when an operator asked for it: the pipeline's filter does not want it any more. */
  readonly leftOut?: { readonly reason: string; readonly at: number };
  /** What became of it in the end; it is kept for receipts as long as its event is. */
  readonly ended?: {
    /** Where a limit has let it go, by which. */
    readonly kind: 'delivered' | 'discarded' | DeadLetterLimit;
    readonly at: number;
    readonly attempts: number;
    readonly status: string;
  };
}

/** What lets dead letters go: their number, or the time since they died. */
export type DeadLetterLimit = 'count' | 'age';

/** Events that a destination will never take, with the reason, until they are delivered after all or let go. */
export interface DeadLetters {
  /** Those that have not ended, from the oldest: at least one, up to `limit`, or up to the one with which they have READ_BYTES. Only the last page is empty. */
  open(id: PipelineId, page: Page): Promise<DeadLetter[]>;
  /** Also one that has ended. */
  at(id: PipelineId, position: Position): Promise<DeadLetter | undefined>;
  /** Of a stretch after one position up to another, the positions of dead letters that were not delivered in the end. */
  undelivered(id: PipelineId, after: Position, to: Position): Promise<Position[]>;
  /** Marks dead letters to be tried once more, and tells the pipeline's holder. Those that have ended stay as they are. Gives how many are marked. */
  redrive(id: PipelineId, positions: readonly Position[]): Promise<number>;
  /** Of those that have not ended the ones that are marked; pages as those of `dead`. */
  marked(id: PipelineId, page: Page): Promise<DeadLetter[]>;
  /**
   * Lets dead letters go for good: once it resolves, none of them is sent. Takes the pipeline from its holder if one of them is being
   * tried once more; what was answered until then counts as delivered. Gives how many it let go. `at`: milliseconds since 1970.
   */
  discard(id: PipelineId, positions: readonly Position[], at: number): Promise<number>;
  /** Lets go of each pipeline's oldest open dead letters past the limits of the store, none that is marked; at most some thousand a call. */
  limit(ids: readonly PipelineId[]): Promise<void>;
  /** How many dead letters the limits have let go of each pipeline, in their order. */
  letGo(ids: readonly PipelineId[]): Promise<Readonly<Record<DeadLetterLimit, number>>[]>;
}
