import type { Context } from '../../adapters/dialects/dialect.ts';
import type { DeadLetter, Job, QuarantinedHead } from '../../adapters/logs/state.ts';
import type { PipelineStanding } from '../../schemas/pipeline-state.ts';
import type { TailLine } from '../../schemas/tail-line.ts';

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

export interface PipelineRef {
  readonly shop: string;
  readonly pipeline: string;
}

export interface Receipt {
  readonly event_id: string;
  readonly shop: string;
  readonly state: 'stored' | 'quarantined';
  /** ISO times, UTC. */
  readonly received_at: string;
  readonly dialect: string;
  /** The canonical type of a stored event, else the name as sent. */
  readonly type?: string | undefined;
  /** Stored events only. */
  readonly position?: number;
  readonly id_source?: 'client' | 'derived' | 'reused';
  readonly trust?: 'public' | 'server';
  /** What was added to it: country, channel, device … */
  readonly enrichment?: Readonly<Record<string, string | boolean>>;
  readonly pipelines?: readonly PipelineReceipt[];
  /** Quarantined events only. */
  readonly quarantine_id?: string;
  /** Why it was refused; of a stored event, why this version cannot read it. */
  readonly reasons?: readonly string[];
}

export type PipelineReceipt = { readonly pipeline: string } & (
  | { readonly state: 'delivered'; readonly at?: string; readonly attempts?: number; readonly status?: string }
  /** `behind`: events before it that the pipeline has yet to finish. */
  /** And how its pipeline does. */
  | { readonly state: 'pending'; readonly behind: number; readonly standing: PipelineStanding }
  | { readonly state: 'filtered'; readonly reason: string }
  | {
      readonly state: 'dead';
      readonly at: string;
      readonly attempts: number;
      readonly reason: string;
      readonly redriving: boolean;
    }
  /** Gone from the log before the pipeline came to it, or discarded. */
  | { readonly state: 'dropped'; readonly reason: string }
  /** Older than the pipeline: a replay sends it. */
  | { readonly state: 'before'; readonly starts_after: number }
);

export interface PipelineReport extends PipelineRef, PipelineStanding {
  /** Absent where it is orphaned. */
  readonly destination?: string;
  readonly position: number;
  readonly delivered: number;
  readonly dead: number;
  readonly filtered: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
}

/** Everything that fits all that is given. */
export interface DeadSelection {
  readonly shop?: string;
  readonly pipeline?: string;
  readonly event_id?: string;
  /** Part of the reason. */
  readonly reason?: string;
  /** ISO times: from (inclusive) to (exclusive). */
  readonly from?: string;
  readonly to?: string;
}

/** A dead letter as operators see it. */
export interface DeadView
  extends PipelineRef,
    Pick<DeadLetter, 'position' | 'event' | 'reason' | 'attempts' | 'redrive'> {
  readonly at: string;
  /** It was tried again, and today's filter left it out. */
  readonly left_out?: { readonly reason: string; readonly at: string };
}

/** An event refused at ingest as operators see it; the head of one has no body. */
export interface QuarantinedHeadView extends Omit<QuarantinedHead, 'at' | 'eventId'> {
  readonly at: string;
  readonly event_id?: string;
}

export interface QuarantinedView extends Omit<QuarantinedHeadView, 'bytes' | 'beginning'> {
  readonly raw: string;
  /** What enrichment found when it came. */
  readonly context: Omit<Context, 'receivedAt'> & { readonly received_at: string };
}

export interface QuarantineSelection {
  readonly shop?: string;
  readonly id?: string;
  readonly event_id?: string;
  readonly code?: string;
  readonly from?: string;
  readonly to?: string;
}

/**
 * An order about much of what is kept. Counts of a quarantine redrive: `accepted` are now on the log, `duplicate` were known already, both
 * gone from quarantine; `refused` are refused still, and kept.
 */
export interface JobReport extends Omit<Job, 'startedAt' | 'seenAt'> {
  readonly started_at: string;
}

export interface PageRequest {
  readonly limit: number;
  /** With how many bytes of JSON the page ends; a megabyte if absent. */
  readonly bytes?: number;
  readonly after?: string;
}

export interface PageOf<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export interface ReplayOrder extends PipelineRef {
  /** ISO times of receipt: from (inclusive; default: the oldest kept) to (exclusive; default: now). */
  readonly from?: string;
  readonly to?: string;
  /** Patterns as in a pipeline's `events`; the pipeline's own filter applies too. */
  readonly types?: readonly string[];
}

export interface ReplayPlan extends PipelineRef {
  readonly from: number;
  readonly to: number;
  /** Events of the stretch, and of those the ones that would be sent, by type. */
  readonly events: number;
  readonly wanted: number;
  readonly by_type: Readonly<Record<string, number>>;
  /** Of the wanted ones, those the pipeline has delivered before: the destination gets them twice. */
  readonly again: number;
  readonly filtered: Readonly<Record<string, number>>;
}

/** A plan that has come up to `position`; it is whole at the plan's `to`. */
export interface ReplayPlanned {
  readonly position: number;
  readonly plan: ReplayPlan;
}

export interface ReplayJob extends PipelineRef {
  readonly id: string;
  /** `blocked`: it is not delivered now, and `reason` says why. */
  readonly state: 'running' | 'failing' | 'suspended' | 'blocked' | 'done' | 'cancelled';
  /** The orphaned pipeline whose events these are. */
  readonly adopts?: string;
  /** Why it does not go on, or the last answer where it fails. */
  readonly reason?: string;
  /** Since when it fails, ISO. */
  readonly failing_since?: string;
  readonly from: number;
  readonly to: number;
  readonly position: number;
  readonly delivered: number;
  readonly dead: number;
  readonly filtered: number;
  readonly started_at: string;
}

/** What was let go of. */
export interface OrphanDiscard {
  readonly pending: number;
  readonly dead: number;
}

export interface Balance {
  readonly balanced: boolean;
  readonly shops: readonly ShopBalance[];
  readonly pipelines: readonly PipelineBalance[];
}

export interface ShopBalance {
  readonly shop: string;
  readonly received: number;
  readonly appended: number;
  readonly duplicate: number;
  readonly quarantined: Readonly<Record<string, number>>;
  /** received - appended - duplicate - quarantined: 0 unless something is wrong. */
  readonly difference: number;
}

export interface PipelineBalance extends PipelineRef {
  /** It is not configured, and what it owes waits. */
  readonly orphaned?: true;
  /** Events of the log since the pipeline began. */
  readonly appended: number;
  readonly delivered: number;
  readonly dead: number;
  readonly filtered: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
  readonly pending: number;
  readonly difference: number;
}

export interface TailFilter {
  readonly shop?: string;
  readonly pipeline?: string;
  /** Patterns as in a pipeline's `events`. */
  readonly types?: readonly string[];
  readonly kinds?: readonly TailLine['kind'][];
}
