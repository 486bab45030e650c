import type { Position } from '../log.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { JournalBatch } from './journal.ts';
import type { Stretch } from './shared.ts';

/**
 * Where a pipeline is, and what became of everything before: position - start = delivered + dead + filtered + dropped, always.
 */
export interface Progress {
  /** Everything up to here is finished. */
  readonly position: Position;
  /** Where the pipeline began: the head of the log when it was first seen. */
  readonly start: Position;
  readonly delivered: number;
  /** Dead letters, those discarded included; a redriven one moves to delivered. */
  readonly dead: number;
  /** By reason: type, channel, trust, consent_denied, consent_unclear, consent_unknown. */
  readonly filtered: Readonly<Record<string, number>>;
  /** By reason: retention, corrupt, unreadable: events that were gone, or could not be read, when this pipeline came to them. discarded: an operator let them go. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Up to where the events after `position` are on their way: after a crash they are sent again in the same batches, with the same ids. */
  readonly sending?: Position;
  /** Since when no attempt has settled anything, in milliseconds since 1970. */
  readonly failingSince?: number;
  /** How it fails; absent where it does not, and where a release wrote it that did not keep this. */
  readonly failure?: Failure;
  /** When something was delivered the last time, in milliseconds since 1970. */
  readonly lastSuccessAt?: number;
  readonly suspended?: Suspension;
  /** Events up to here are left out where they cannot be read: the pipeline was suspended for such, and then resumed by an operator. */
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

/** That a pipeline left the configuration. */
export interface Left {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The newest event of its shop then: it owes what comes up to here, and nothing after. */
  readonly newest: Position;
  /** It owes nothing any more, and how that came. */
  readonly settled?: 'finished' | 'discarded';
}

/** What a pipeline had settled beyond its position when it stopped, or while it waited. */
export interface Ahead {
  readonly delivered: readonly Stretch[];
  /** Dead letters; their events are on the log. */
  readonly dead: readonly Omit<DeadLetter, 'event'>[];
  readonly batches: readonly JournalBatch[];
  /** How often the events of a stretch were tried that have no outcome yet. */
  readonly tries?: readonly (readonly [...stretch: Stretch, attempts: number])[];
  /** By lane, how many of the next events are suspected to hold the one that the destination chokes on. */
  readonly fronts?: readonly number[];
}

export interface Suspension {
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Where it is for events that cannot be read: up to where such are left out after it is resumed. */
  readonly leaveOut?: Position;
}
