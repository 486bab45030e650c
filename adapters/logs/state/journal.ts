import type { Position } from '../log.ts';
import type { PipelineId, Stretch } from './shared.ts';

/** What settled a stretch of the log. A shopper's events are all in the lane that `laneOf` gives. */
export interface JournalLine {
  readonly from: Position;
  readonly to: Position;
  readonly lanes: number;
  readonly batches: readonly JournalBatch[];
  /** The stretch was not sent but discarded, in milliseconds since 1970. */
  readonly discardedAt?: number;
  /** Delivered before the pipeline stopped in between, whatever the filter says that was in force afterwards. */
  readonly early?: readonly Stretch[];
}

/** One batch, from its first attempt to its end. */
export interface JournalBatch {
  readonly lane: number;
  /** How many lanes there were, if not as many as the line says. */
  readonly lanes?: number;
  readonly first: Position;
  readonly last: Position;
  /** When it was settled, in milliseconds since 1970. */
  readonly at: number;
  readonly attempts: number;
  /** The last answer, for example "HTTP 200". */
  readonly status: string;
}

/** The filter of a pipeline as it was configured from a position on: receipts ask what was in force then. */
export interface Rule {
  readonly since: Position;
  readonly events: readonly string[];
  readonly channels?: readonly ('web' | 'app')[] | undefined;
  readonly consent: readonly ('analytics' | 'marketing' | 'preferences' | 'sale_of_data')[];
  readonly whenUnknown: 'filter' | 'send';
  /** Absent: events of any token. */
  readonly trust?: 'server';
}

/** How every position of a pipeline was settled, and which filter was in force there: what receipts are made of. */
export interface Journal {
  /** The line that covers a position, if it is kept. */
  lineAt(id: PipelineId, position: Position): Promise<JournalLine | undefined>;
  /** The filter in force at a position. */
  ruleAt(id: PipelineId, position: Position): Promise<Rule | undefined>;
  saveRule(id: PipelineId, rule: Rule): Promise<void>;
}
