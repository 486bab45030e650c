import type { Balance } from '../../schemas/admin-api/balance.ts';
import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { DeadSelection, DeadView } from '../../schemas/admin-api/dead-letters.ts';
import type { JobReport } from '../../schemas/admin-api/jobs.ts';
import type { OrphanDiscard, PipelineRef, PipelineReport } from '../../schemas/admin-api/pipelines.ts';
import type { QuarantinedHeadView, QuarantinedView, QuarantineSelection } from '../../schemas/admin-api/quarantine.ts';
import type { Receipt } from '../../schemas/admin-api/receipts.ts';
import type { ReplayJob, ReplayOrder, ReplayPlan, ReplayPlanned } from '../../schemas/admin-api/replays.ts';
import type { TailFilter, TailLine } from '../../schemas/admin-api/tail.ts';

/** What an operator can ask and order. The admin API and the command line are two ways to it; neither decides anything. */
export interface Operations {
  /** What happened to an event, in every shop that has seen its id or in one shop; quarantined ones included. */
  receipts(eventId: string, shop?: string): Promise<Receipt[]>;
  pipelines(): Promise<PipelineReport[]>;
  /** Stops a pipeline at its cursor until it is resumed. Throws NotFound. */
  suspend(pipeline: PipelineRef, reason: string): Promise<void>;
  /** Resumes a suspended pipeline, or a replay by the name of its pipeline and its id (`archive-r1`), at its cursor. Throws NotFound. */
  resume(pipeline: PipelineRef): Promise<void>;
  /** Oldest first. `next` is the `after` of the next page. A page ends at its limit or at about a megabyte. */
  dead(selection: DeadSelection, page: PageRequest): Promise<PageOf<DeadView>>;
  /** All selected ones, as they are read. */
  allDead(selection: DeadSelection): AsyncIterable<DeadView>;
  /** Has pipelines try dead letters again; they stay until delivered. Counts `redriven`. Throws Busy. */
  redriveDead(selection: DeadSelection): Promise<JobReport>;
  /** Discards dead letters for good; they stay counted as dead, and their receipts say so. Counts `discarded`. Throws Busy. */
  discardDead(selection: DeadSelection): Promise<JobReport>;
  /** Without bodies, oldest first, in pages like those of dead letters. Throws BadOrder for an id that is not unique. */
  quarantine(selection: QuarantineSelection, page: PageRequest): Promise<PageOf<QuarantinedHeadView>>;
  /** One with its body. Throws NotFound, or BadOrder for an id that is not unique. */
  oneQuarantined(id: string, shop?: string): Promise<QuarantinedView>;
  /** All selected ones with their bodies, as they are read. */
  allQuarantined(selection: QuarantineSelection): AsyncIterable<QuarantinedView>;
  /** Reads quarantined events by today's rules. Counts `accepted`, `duplicate` and `refused`. Throws Busy and BadOrder. */
  redriveQuarantine(selection: QuarantineSelection): Promise<JobReport>;
  /** Discards quarantined events for good. Counts `discarded`. Throws Busy and BadOrder. */
  discardQuarantine(selection: QuarantineSelection): Promise<JobReport>;
  /** The jobs of these orders, running or over, newest first. */
  allJobs(): Promise<JobReport[]>;
  /** One of these jobs. Throws NotFound. */
  job(id: string): Promise<JobReport>;
  /** Ends a job within a few seconds; what it has done stays done. Throws NotFound. */
  cancelJob(id: string): Promise<void>;
  /** What a replay would do, without doing it. Throws NotFound, or BadOrder for an empty stretch. */
  planReplay(order: ReplayOrder): Promise<ReplayPlan>;
  /** The same as it grows, page by page of the log; the last one is the plan. */
  planningReplay(order: ReplayOrder): AsyncIterable<ReplayPlanned>;
  startReplay(order: ReplayOrder): Promise<ReplayJob>;
  replays(): Promise<ReplayJob[]>;
  /** Ends a replay at its cursor and gives it as it is then; one that is done stays done. Throws NotFound. */
  cancelReplay(id: string): Promise<ReplayJob>;
  /** Has another pipeline of the shop deliver what an orphaned one owes. Throws NotFound and BadOrder. */
  adoptPipeline(orphan: PipelineRef, as: string): Promise<ReplayJob>;
  /** Discards what an orphaned pipeline owes; it stays counted, and receipts say so. Throws NotFound and BadOrder. */
  discardPipeline(orphan: PipelineRef): Promise<OrphanDiscard>;
  balance(): Promise<Balance>;
  /**
   * Events as they are accepted, refused and delivered, until the signal aborts. The first line is a note if some processes are not shown.
   * A slow reader misses lines and is told how many.
   */
  tail(filter: TailFilter, signal: AbortSignal): AsyncIterable<TailLine>;
}

export interface PageRequest {
  readonly limit: number;
  /** With how many bytes of JSON the page ends; a megabyte if absent. */
  readonly bytes?: number;
  readonly after?: string;
}
