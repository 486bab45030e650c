import type { Event } from '../../schemas/event.ts';
import type { Position } from './log.ts';

export interface PipelineId {
  readonly shop: string;
  readonly pipeline: string;
}

/**
 * Where a pipeline is, and what became of everything before: position - start = delivered + dead + filtered + dropped, always.
 */
export interface Progress {
  /** Everything up to here is finished. */
  readonly position: Position;
  /** Where the pipeline began: the head of the log when it was first seen. */
  readonly start: Position;
  readonly delivered: number;
  readonly dead: number;
  /** By reason: type, channel, consent. */
  readonly filtered: Readonly<Record<string, number>>;
  /** By reason: retention, corrupt. Events that were gone before this pipeline came to them. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Up to where the events after `position` are on their way: after a crash they are sent again in the same batch, with the same id. */
  readonly sending?: Position;
}

/** One line per settled delivery: what was sent, when, how often, with what answer. */
export interface JournalLine {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** First and last position it covers. */
  readonly from: Position;
  readonly to: Position;
  readonly attempts: number;
  readonly delivered: number;
  readonly dead: number;
  /** For example "HTTP 200". */
  readonly status: string;
}

export interface DeadLetter {
  readonly position: Position;
  readonly event: Event;
  readonly reason: string;
  readonly attempts: number;
  readonly at: number;
}

/** The right to move a pipeline on. One holder at a time. */
export interface Cursor {
  readonly progress: Progress;
  /** Saves the progress, its journal line and its dead letters together: all or nothing, durable. */
  save(progress: Progress, journal: JournalLine | undefined, dead: readonly DeadLetter[]): Promise<void>;
  release(): Promise<void>;
}

/** An event refused at ingest, kept as it came. */
export interface Quarantined {
  /** Sorts by time of arrival within its shop. */
  readonly id: string;
  readonly shop: string;
  readonly at: number;
  readonly dialect: string;
  readonly code: string;
  readonly reasons: readonly string[];
  readonly index?: number | undefined;
  readonly eventId?: string | undefined;
  readonly name?: string | undefined;
  readonly raw: string;
}

export interface Page {
  readonly limit: number;
  /** Only what comes after this id or position. */
  readonly after?: string | undefined;
}

/** Small and transactional, beside the log in the same engine: cursors, journal, dead letters, quarantine. */
export interface State {
  /** Makes this process the pipeline's only reader until released or expired. A pipeline seen for the first time begins at the head of its shop's log. */
  claim(id: PipelineId, signal: AbortSignal): Promise<Cursor>;
  /** Progress as saved last; undefined for a pipeline never claimed. */
  progress(id: PipelineId): Promise<Progress | undefined>;
  /** The newest lines first. */
  journal(id: PipelineId, limit: number): Promise<JournalLine[]>;
  /** In order of position, from the oldest. */
  dead(id: PipelineId, page: Page): Promise<DeadLetter[]>;
  /** From the oldest kept. */
  quarantined(shop: string, page: Page): Promise<Quarantined[]>;
}
