import { LogUnavailable, type Position } from '../log.ts';
import type { Settlement } from '../settlement.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { JournalLine } from './journal.ts';
import type { Progress, Suspension } from './progress.ts';
import type { PipelineId } from './shared.ts';

/** Changes that are saved together: all or nothing, durable. */
export interface Update {
  readonly progress: Progress;
  readonly journal?: JournalLine | undefined;
  /** New dead letters, and ones that were delivered in the end. */
  readonly dead?: readonly DeadLetter[];
}

/** The exclusive right to move a pipeline. One holder at a time, over all processes. */
export interface Cursor {
  readonly progress: Progress;
  /** Aborts when another process asks for the pipeline or has taken it: finish the current work, then release. */
  readonly wanted: AbortSignal;
  /** Gives a signal that aborts when dead letters are marked for a redrive from now on. */
  redriven(): AbortSignal;
  /** Rejects with CursorLost if another process has taken the pipeline; then nothing is saved. */
  save(update: Update): Promise<void>;
  release(): Promise<void>;
}

/** The pipeline is moved by another process now. */
export class CursorLost extends LogUnavailable {
  constructor({ shop, pipeline }: PipelineId) {
    super(`the pipeline ${pipeline} of ${shop} was taken over by another process`);
    this.name = 'CursorLost';
  }
}

/** The state of a pipeline, the same for all processes. */
export interface Standing {
  readonly progress: Progress;
  /** Whether a process moves it. None does if no such process runs, or if the last one is gone and no other has taken over yet. */
  readonly moved: boolean;
  /** Since when no process moves it, in milliseconds since 1970, if known. */
  readonly unmovedSince?: number;
}

/** The state of a pipeline, with its name. */
export interface NamedStanding extends Standing {
  readonly id: PipelineId;
}

/** A settlement for one pipeline. */
export interface SettlementOrder {
  readonly id: PipelineId;
  readonly settlement: Settlement;
}

/** Number of other processes that have the log open: those that take events, and those that move pipelines. A process may do both. */
export interface Others {
  readonly takers: number;
  readonly movers: number;
}

/** The position of every pipeline, and which process moves it. */
export interface Cursors {
  /** None if one process owns the log: its web processes count as part of it. */
  others(): Promise<Others>;
  /** Places a new pipeline after `start`, or at the head of its shop's log. Does not move a known one. */
  begin(id: PipelineId, start?: Position): Promise<void>;
  /** The same at the heads of the logs for many pipelines, in one query. */
  beginAll(ids: readonly PipelineId[]): Promise<void>;
  /**
   * Makes the caller the only one to move a known pipeline, until it releases it or its process is gone. Waits while another has it; rejects
   * with the signal's reason if that aborts.
   */
  claim(id: PipelineId, signal: AbortSignal): Promise<Cursor>;
  /** The last saved progress; undefined for a pipeline that never began. */
  progress(id: PipelineId): Promise<Progress | undefined>;
  /** Undefined for a pipeline that never began. */
  standing(id: PipelineId): Promise<Standing | undefined>;
  /** The same for several, in the given order, in one query. */
  standings(ids: readonly PipelineId[]): Promise<(Standing | undefined)[]>;
  /** Every pipeline that ever began, replays included, configured or not, by shop and name. */
  everyStanding(): Promise<NamedStanding[]>;
  /** Takes a pipeline from its holder, changes its progress, and releases it. Gives the new progress; undefined if it never began. */
  settle(id: PipelineId, settlement: Settlement): Promise<Progress | undefined>;
  /** The same for many; those without a holder are changed together. */
  settleAll(orders: readonly SettlementOrder[]): Promise<void>;
  /** Removes all state of a pipeline. False if somebody moves it, it has open dead letters, or it never began. */
  forget(id: PipelineId): Promise<boolean>;
  /** Takes a pipeline from its holder and suspends it at its cursor. False if it never began. */
  suspend(id: PipelineId, suspension: Suspension): Promise<boolean>;
  /** Resumes a pipeline from its cursor. False if it never began. */
  resume(id: PipelineId): Promise<boolean>;
}
