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
  /** What happened to an event, in every shop that has seen its id; also one in quarantine. */
  receipts(eventId: string, shop?: string): Promise<Receipt[]>;
  pipelines(): Promise<PipelineReport[]>;
  /** Stops a pipeline where it is, until resumed. Throws NotFound. */
  suspend(pipeline: PipelineRef, reason: string): Promise<void>;
  /** Lets a suspended pipeline, or a replay by the name of its pipeline and its id (`archive-r1`), go on from where it was. Throws NotFound. */
  resume(pipeline: PipelineRef): Promise<void>;
  /** From the oldest; `next` is the `after` of the following page. A page ends at its limit, or at about a megabyte. */
  dead(selection: DeadSelection, page: PageRequest): Promise<PageOf<DeadView>>;
  /** All of them, as they are read. */
  allDead(selection: DeadSelection): AsyncIterable<DeadView>;
  /** Hands dead letters to their pipelines once more; they stay until delivered. Counts `redriven`. Throws Busy. */
  redriveDead(selection: DeadSelection): Promise<JobReport>;
  /** Lets dead letters go for good; they stay counted as dead, and their receipts say so. Counts `discarded`. Throws Busy. */
  discardDead(selection: DeadSelection): Promise<JobReport>;
  /** Without bodies, from the oldest; pages as those of dead letters. Throws BadOrder for an id that could be one of several. */
  quarantine(selection: QuarantineSelection, page: PageRequest): Promise<PageOf<QuarantinedHeadView>>;
  /** One with its body. Throws NotFound, or BadOrder for an id that could be one of several. */
  oneQuarantined(id: string, shop?: string): Promise<QuarantinedView>;
  /** All of them with their bodies, as they are read. */
  allQuarantined(selection: QuarantineSelection): AsyncIterable<QuarantinedView>;
  /** Reads quarantined events again by today's rules. Counts `accepted`, `duplicate` and `refused`. Throws Busy, BadOrder. */
  redriveQuarantine(selection: QuarantineSelection): Promise<JobReport>;
  /** Counts `discarded`. Throws Busy, BadOrder. */
  discardQuarantine(selection: QuarantineSelection): Promise<JobReport>;
  /** The orders above, running or over, from the newest. */
  allJobs(): Promise<JobReport[]>;
  /** Throws NotFound. */
  job(id: string): Promise<JobReport>;
  /** Ends a job within some seconds; what it has done stays done. Throws NotFound. */
  cancelJob(id: string): Promise<void>;
  /** What a replay would do, without doing it. Throws NotFound, or BadOrder for an empty stretch. */
  planReplay(order: ReplayOrder): Promise<ReplayPlan>;
  /** The same as it is found out, a page of the log at a time; the last one is the plan. It ends where nobody asks for the next. */
  planningReplay(order: ReplayOrder): AsyncIterable<ReplayPlanned>;
  startReplay(order: ReplayOrder): Promise<ReplayJob>;
  replays(): Promise<ReplayJob[]>;
  /** Ends a replay where it is, and gives what it is then: one that was done first stays so. Throws NotFound. */
  cancelReplay(id: string): Promise<ReplayJob>;
  /** Delivers what an orphaned pipeline owes to another one of its shop. Throws NotFound and BadOrder. */
  adoptPipeline(orphan: PipelineRef, as: string): Promise<ReplayJob>;
  /** Lets go of what an orphaned pipeline owes; it stays counted, and receipts say so. Throws NotFound and BadOrder. */
  discardPipeline(orphan: PipelineRef): Promise<OrphanDiscard>;
  balance(): Promise<Balance>;
  /** Events as they are accepted, refused and delivered, until the signal aborts. First a note, where what other processes do is not shown. A reader that is slow misses some and is told how many. */
  tail(filter: TailFilter, signal: AbortSignal): AsyncIterable<TailLine>;
}

export interface PageRequest {
  readonly limit: number;
  /** With how many bytes of JSON the page ends; a megabyte if absent. */
  readonly bytes?: number;
  readonly after?: string;
}
