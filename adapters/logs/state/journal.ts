import type { Position } from '../log.ts';
import type { PipelineId, Stretch } from './shared.ts';

/** How a stretch of the log was settled. All events of a shopper are in the lane that `laneOf` gives. */
export interface JournalLine {
  readonly from: Position;
  readonly to: Position;
  readonly lanes: number;
  readonly batches: readonly JournalBatch[];
  /** When the stretch was discarded instead of sent, in milliseconds since 1970. */
  readonly discardedAt?: number;
  /** Positions delivered before the pipeline stopped, whatever the filter since then says. */
  readonly early?: readonly Stretch[];
}

/** One batch, from its first attempt to its end. */
export interface JournalBatch {
  readonly lane: number;
  /** Number of lanes, if different from the line's. */
  readonly lanes?: number;
  readonly first: Position;
  readonly last: Position;
  /** When it was settled, in milliseconds since 1970. */
  readonly at: number;
  readonly attempts: number;
  /** The last answer, for example "HTTP 200". */
  readonly status: string;
}

/** A past or current filter of a pipeline, from a position on. Receipts need the one that applied. */
export interface Rule {
  readonly since: Position;
  readonly events: readonly string[];
  readonly channels?: readonly ('web' | 'app')[] | undefined;
  readonly consent: readonly ('analytics' | 'marketing' | 'preferences' | 'sale_of_data')[];
  readonly whenUnknown: 'filter' | 'send';
  /** Absent: events of any token. */
  readonly trust?: 'server';
}

/** How each position of a pipeline was settled, and which filter applied there. Receipts are computed from it. */
export interface Journal {
  /** The line that covers a position, if it is kept. */
  lineAt(id: PipelineId, position: Position): Promise<JournalLine | undefined>;
  /** The filter in force at a position. */
  ruleAt(id: PipelineId, position: Position): Promise<Rule | undefined>;
  saveRule(id: PipelineId, rule: Rule): Promise<void>;
}
