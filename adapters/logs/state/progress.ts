import type { Position } from '../log.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { JournalBatch } from './journal.ts';
import type { Stretch } from './shared.ts';

/** The position of a pipeline, and the outcomes of everything before. Always position - start = delivered + dead + filtered + dropped. */
export interface Progress {
  /** Everything up to here is finished. */
  readonly position: Position;
  /** Where the pipeline began: the head of the log when it was first seen. */
  readonly start: Position;
  readonly delivered: number;
  /** Dead letters, including discarded ones; a redriven one moves to delivered when it is delivered. */
  readonly dead: number;
  /** By reason: type, channel, trust, consent_denied, consent_unclear, consent_unknown. */
  readonly filtered: Readonly<Record<string, number>>;
  /**
   * By reason. retention, corrupt, unreadable: events that were gone or could not be read when this pipeline came to them. discarded: an
   * operator discarded them.
   */
  readonly dropped: Readonly<Record<string, number>>;
  /** The end of the stretch that is being sent: after a crash it is sent again in the same batches with the same ids. */
  readonly sending?: Position;
  /** Since when no attempt has settled anything, in milliseconds since 1970. */
  readonly failingSince?: number;
  /** How it fails; absent if it does not, or if an older release saved it. */
  readonly failure?: Failure;
  /** When something was delivered the last time, in milliseconds since 1970. */
  readonly lastSuccessAt?: number;
  readonly suspended?: Suspension;
  /** Unreadable events up to here are left out: the pipeline was suspended for them, and an operator resumed it. */
  readonly leaveOut?: Position;
  readonly left?: Left;
  /** What is settled after `position` already. It is counted when `position` passes it, and not sent again. */
  readonly ahead?: Ahead;
}

/** How a pipeline fails. */
export interface Failure {
  /** Attempts in a row that have settled nothing. */
  readonly attempts: number;
  /** The last answer. */
  readonly reason: string;
  /** When the next attempt begins at the latest, in milliseconds since 1970; in the past while it is under way. */
  readonly nextAttemptAt?: number;
}

/** A pipeline left the configuration. */
export interface Left {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The newest position of its shop then: it owes the events up to here, and none after. */
  readonly newest: Position;
  /** Set once it owes nothing any more: why. */
  readonly settled?: 'finished' | 'discarded';
}

/** What a pipeline had settled ahead of its position when it stopped or waited. */
export interface Ahead {
  readonly delivered: readonly Stretch[];
  /** Dead letters; their events are on the log. */
  readonly dead: readonly Omit<DeadLetter, 'event'>[];
  readonly batches: readonly JournalBatch[];
  /** Number of attempts, for stretches of events without an outcome. */
  readonly tries?: readonly (readonly [...stretch: Stretch, attempts: number])[];
  /** Per lane, how many of its next events a poison search suspects. */
  readonly fronts?: readonly number[];
}

export interface Suspension {
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** If it was suspended before unreadable events: the position up to which they are left out after a resume. */
  readonly leaveOut?: Position;
}
