import type { Event } from '../../schemas/event.ts';
import type { Context } from '../dialects/dialect.ts';
import { LogUnavailable, type Position } from './log.ts';
import type { ReplayChange } from './replay-change.ts';
import type { Settlement } from './settlement.ts';

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
  /** Events up to here are left out where they cannot be read: the pipeline was suspended for such, and resumed by somebody who knew. */
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

/** The first and the last position of a stretch. */
export type Stretch = readonly [from: Position, to: Position];

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

export interface DeadLetter {
  readonly position: Position;
  readonly event: Event;
  readonly reason: string;
  readonly attempts: number;
  readonly at: number;
  /** An operator asked to try it once more. */
  readonly redrive?: boolean;
  /** Why it was not sent again when an operator asked for it: the pipeline's filter does not want it any more. */
  readonly leftOut?: { readonly reason: string; readonly at: number };
  /** What became of it in the end; it is kept for receipts as long as its event is. */
  readonly ended?: {
    /** Where a limit has let it go, by which. */
    readonly kind: 'delivered' | 'discarded' | DeadLetterLimit;
    readonly at: number;
    readonly attempts: number;
    readonly status: string;
  };
}

/** What lets dead letters go: their number, or the time since they died. */
export type DeadLetterLimit = 'count' | 'age';

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

/** A stretch of the log that a pipeline delivers again. Its own progress is kept under its id, as a pipeline's. */
export interface Replay extends PipelineId {
  readonly id: string;
  /** After this position, up to that one. */
  readonly after: Position;
  readonly to: Position;
  readonly types?: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** It delivers what this pipeline owes, which left the configuration, and keeps that one's progress. */
  readonly adopts?: string;
  readonly ended?: 'done' | 'cancelled';
  /** Milliseconds since 1970. */
  readonly endedAt?: number;
  /** It has ended, and its dead letters are to be tried once more; another number each time. */
  readonly revived?: boolean | number;
}

/** Under which name a replay keeps its progress and dead letters, and names itself to its destination. */
export const replayName = ({ pipeline, id, adopts }: Pick<Replay, 'pipeline' | 'id' | 'adopts'>): string =>
  adopts ?? `${pipeline}-${id}`;

/** An event refused at ingest, kept as it came. */
export interface Quarantined {
  /** A whole number, higher than those of all that came before to its shop; never used again. */
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
  /** What enrichment found then, for the day it is read again. */
  readonly context: Context;
}

/** A quarantined event without its body, for lists and searches. Long ids, names and reasons are cut, and of many reasons the first are given. */
export interface QuarantinedHead extends Omit<Quarantined, 'raw' | 'context'> {
  /** Size of its body. */
  readonly bytes: number;
  /** The first 200 characters of its body. */
  readonly beginning: string;
}

/** What a shop's quarantine holds, and what its limits have let go since the log began. */
export interface QuarantineSums {
  readonly kept: number;
  /** Of all bodies together. */
  readonly bytes: number;
  /** By limit: count, bytes, age. */
  readonly dropped: Readonly<Record<QuarantineLimit, number>>;
}

export type QuarantineLimit = 'count' | 'bytes' | 'age';

/** An order about much of what is kept, and how far it has come. */
export interface Job {
  readonly id: string;
  readonly of: 'quarantine' | 'dead';
  readonly kind: 'redrive' | 'discard';
  /** Its shop; absent: all shops. */
  readonly shop?: string | undefined;
  readonly selection: Readonly<Record<string, string>>;
  /** Interrupted: the process that worked on it is gone. What it had done is done; the same order again does the rest. */
  readonly state: 'running' | 'done' | 'cancelled' | 'interrupted' | 'failed';
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** When its process last said that it works on it. */
  readonly seenAt: number;
  /** How many it has looked at so far, whether they were selected or not. */
  readonly looked: number;
  /** What became of those that were selected. */
  readonly counts: Readonly<Record<string, number>>;
  /** Why it failed. */
  readonly reason?: string | undefined;
}

export interface Page {
  readonly limit: number;
  /** Only what comes after this id or position. */
  readonly after?: string | undefined;
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

/** Small and transactional, beside the log in the same engine: cursors, journal, dead letters, quarantine, replays. */
export interface State {
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
  /** Takes a pipeline from whoever moves it, changes its progress, and gives it back. Gives the new progress; undefined where it never began. */
  settle(id: PipelineId, settlement: Settlement): Promise<Progress | undefined>;
  /** The same for many; those that nobody moves are changed together. */
  settleAll(orders: readonly SettlementOrder[]): Promise<void>;
  /** Lets go of all that is known of a pipeline. False where somebody moves it, it has open dead letters, or it never began. */
  forget(id: PipelineId): Promise<boolean>;
  /** Stops a pipeline where it is: takes it from whoever moves it, and gives it back suspended. False where it never began. */
  suspend(id: PipelineId, suspension: Suspension): Promise<boolean>;
  /** Lets a pipeline go on from where it was. False where it never began. */
  resume(id: PipelineId): Promise<boolean>;
  /** The line that covers a position, if it is kept. */
  journalAt(id: PipelineId, position: Position): Promise<JournalLine | undefined>;
  /** The filter in force at a position. */
  ruleAt(id: PipelineId, position: Position): Promise<Rule | undefined>;
  saveRule(id: PipelineId, rule: Rule): Promise<void>;
  /** Those that have not ended, from the oldest: at least one, up to `limit`, or up to the one with which they have READ_BYTES. Only the last page is empty. */
  dead(id: PipelineId, page: Page): Promise<DeadLetter[]>;
  /** Also one that has ended. */
  deadAt(id: PipelineId, position: Position): Promise<DeadLetter | undefined>;
  /** Of a stretch after one position up to another, the positions of dead letters that were not delivered in the end. */
  undelivered(id: PipelineId, after: Position, to: Position): Promise<Position[]>;
  /** Marks dead letters to be tried once more, and tells whoever moves the pipeline. Those that have ended stay as they are. Gives how many are marked. */
  redrive(id: PipelineId, positions: readonly Position[]): Promise<number>;
  /** Of those that have not ended the ones that are marked; pages as those of `dead`. */
  marked(id: PipelineId, page: Page): Promise<DeadLetter[]>;
  /**
   * Lets dead letters go for good: once it resolves, none of them is sent. Takes the pipeline from whoever moves it if one of them is being
   * tried once more; what was answered until then counts as delivered. Gives how many it let go. `at`: milliseconds since 1970.
   */
  discardDead(id: PipelineId, positions: readonly Position[], at: number): Promise<number>;
  /** Lets go of each pipeline's oldest open dead letters past the limits of the store, none that is marked; at most some thousand a call. */
  limitDead(ids: readonly PipelineId[]): Promise<void>;
  /** How many dead letters the limits have let go of each pipeline, in their order. */
  deadLetGo(ids: readonly PipelineId[]): Promise<Readonly<Record<DeadLetterLimit, number>>[]>;
  /** From the oldest kept: at least one, up to `limit`, or up to the one with which they have READ_BYTES. Only the last page is empty. */
  quarantined(shop: string, page: Page): Promise<Quarantined[]>;
  /** The same without bodies, which are not read for it. */
  quarantineHeads(shop: string, page: Page): Promise<QuarantinedHead[]>;
  quarantinedAt(shop: string, id: string): Promise<Quarantined | undefined>;
  /** Those with an event's id, from the oldest kept. Found by an index. */
  quarantinedAbout(shop: string, eventId: string, page: Page): Promise<QuarantinedHead[]>;
  /** Of each of some shops, in their order. */
  quarantineSums(shops: readonly string[]): Promise<QuarantineSums[]>;
  /** Gives how many of them were there. */
  discardQuarantined(shop: string, ids: readonly string[]): Promise<number>;
  /** Lets go of the oldest past the limits of the store; at most 1,000 a call and shop. */
  limitQuarantine(shops: readonly string[]): Promise<void>;
  /**
   * Writes a job down under the next id, unless one about the same is running: then gives that one. A job that was last seen before
   * `silentSince` (milliseconds since 1970) is taken as interrupted. Ended jobs past the last 100 are forgotten.
   */
  startJob(job: Omit<Job, 'id'>, silentSince: number): Promise<{ readonly job: Job; readonly started: boolean }>;
  /** Writes down how far a job has come; one that was cancelled stays so. Gives it as it is kept now. */
  saveJob(job: Job): Promise<Job>;
  /** From the newest. */
  jobs(): Promise<Job[]>;
  /** Writes a replay down under the next id, which no other has, in any process. */
  addReplay(replay: Omit<Replay, 'id'>): Promise<Replay>;
  /** Changes a replay as it is kept now, and gives what it is then: of two changes at once one comes after the other. Undefined where there is none. */
  changeReplay(id: string, change: ReplayChange): Promise<Replay | undefined>;
  /** Lets go of an ended replay. The newest stays, so that no id is used twice. */
  removeReplay(id: string): Promise<void>;
  /** From the oldest. */
  replays(): Promise<Replay[]>;
  /** Gives a signal that aborts when a replay is added or changed, in this process or another, from now on. */
  replaysChanged(): AbortSignal;
}
