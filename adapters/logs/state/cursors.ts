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
  /** New ones, and those that were delivered after all. */
  readonly dead?: readonly DeadLetter[];
}

/** The right to move a pipeline on. One holder at a time, over all processes. */
export interface Cursor {
  readonly progress: Progress;
  /** Aborts when somebody else asks for the pipeline, or has it already: end what is in hand, and release. */
  readonly wanted: AbortSignal;
  /** Gives a signal that aborts when dead letters are marked to be tried once more, from now on. */
  redriven(): AbortSignal;
  /** Rejects with CursorLost where another process has taken the pipeline over; then nothing is saved. */
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

/** A pipeline as any process sees it, whichever of them moves it. */
export interface Standing {
  readonly progress: Progress;
  /** Whether a process moves it. None does where no such process has started, or where the one that did is gone and no other has taken over yet. */
  readonly moved: boolean;
  /** Since when none does, in milliseconds since 1970, where that is known. */
  readonly unmovedSince?: number;
}

/** A pipeline by its name, as any process sees it. */
export interface NamedStanding extends Standing {
  readonly id: PipelineId;
}

/** What is to happen to which pipeline. */
export interface SettlementOrder {
  readonly id: PipelineId;
  readonly settlement: Settlement;
}

/** How many other processes have the log open: those that take events, and those that move pipelines. One may do both. */
export interface Others {
  readonly takers: number;
  readonly movers: number;
}

/** Where every pipeline is, and which process moves it. */
export interface Cursors {
  /** Where one process owns the log there is no other: those that it answers for are part of it. */
  others(): Promise<Others>;
  /** Gives a pipeline seen for the first time its place: after `start`, or at the head of its shop's log. Leaves any other where it is. */
  begin(id: PipelineId, start?: Position): Promise<void>;
  /** The same at the heads of the logs, for many at the cost of one. */
  beginAll(ids: readonly PipelineId[]): Promise<void>;
  /**
   * Makes the caller the only one to move a pipeline that has begun, until it releases it or its process is gone. Waits while another
   * has it; rejects with the signal's reason when that aborts.
   */
  claim(id: PipelineId, signal: AbortSignal): Promise<Cursor>;
  /** Progress as saved last; undefined for a pipeline that never began. */
  progress(id: PipelineId): Promise<Progress | undefined>;
  /** Undefined for a pipeline that never began. */
  standing(id: PipelineId): Promise<Standing | undefined>;
  /** The same for each, in their order, at the cost of one. */
  standings(ids: readonly PipelineId[]): Promise<(Standing | undefined)[]>;
  /** Every pipeline that ever began, replays included, configured or not, by shop and name. */
  everyStanding(): Promise<NamedStanding[]>;
  /** Takes a pipeline from its holder, changes its progress, and gives it back. Gives the new progress; undefined where it never began. */
  settle(id: PipelineId, settlement: Settlement): Promise<Progress | undefined>;
  /** The same for many; those without a holder are changed together. */
  settleAll(orders: readonly SettlementOrder[]): Promise<void>;
  /** Lets go of all that is known of a pipeline. False where somebody moves it, it has open dead letters, or it never began. */
  forget(id: PipelineId): Promise<boolean>;
  /** Stops a pipeline where it is: takes it from its holder, and gives it back suspended. False where it never began. */
  suspend(id: PipelineId, suspension: Suspension): Promise<boolean>;
  /** Lets a pipeline go on from where it was. False where it never began. */
  resume(id: PipelineId): Promise<boolean>;
}
