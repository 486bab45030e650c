import { createHash } from 'node:crypto';
import type { Batch, Outbound, Sender } from '../../adapters/destinations/destination.ts';
import { onAbort } from '../../adapters/on-abort.ts';
import type { Outcome } from '../../adapters/outcome.ts';
import type { Clock } from '../base/clock.ts';
import type { Books } from './ledger.ts';
import { Suspects, type Trials } from './poison-search.ts';
import { askedFor, waitAfter } from './retry.ts';
import type { Failing, Recovery, Streak } from './streak.ts';
import type { Gate } from './throttle.ts';

export interface SendOptions {
  readonly shop: string;
  readonly pipeline: string;
  readonly maxBatch: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Called once when it fails, and once when that is over. `settledAhead`: events settled already behind the saved cursor. */
  readonly onFailing?: (failing: Failing) => void;
  readonly onRecovered?: (recovery: Recovery, settledAhead: number) => void;
  readonly onAttempt: (attempt: Attempt) => void;
  /** Called with the events that one attempt settled, for whoever watches. */
  readonly onSettled?: (kind: 'delivered' | 'dead' | 'retried', events: readonly Outbound[], status: string) => void;
}

/** One lane at work: its own connection, the books and the gate it shares with the others. */
export interface Lane {
  readonly number: number;
  readonly sender: Sender;
  readonly books: Books;
  readonly streak: Streak;
  readonly gate: Gate;
  readonly trials: Trials;
  /** Failures in a row, counted on from window to window. */
  readonly pace: { failures: number };
  /** How many events were suspected when a hand-over was broken off. */
  readonly search: { front: number };
  /** Called before each wait, so that what is finished is saved meanwhile. */
  readonly onWait: () => Promise<void>;
}

/** One attempt to hand over one batch: the fields of its log line. */
export interface Attempt {
  readonly shop: string;
  readonly pipeline: string;
  readonly lane: number;
  readonly batch: string;
  readonly attempt: number;
  readonly delivered: number;
  readonly rejected: number;
  readonly open: number;
  readonly status: string;
  readonly ms: number;
  /** While the pipeline fails: since when (ISO), and how many attempts in a row have settled nothing. */
  readonly failing_since?: string;
  readonly failed_attempts?: number;
}

/** How a hand-over ended: all settled; stopped by the signal; nothing more to be learnt before other events come; never again. */
export type Ending =
  | { readonly kind: 'done' | 'stopped' | 'stuck' }
  | { readonly kind: 'suspend'; readonly reason: string };

/** How much longer a request may take that was under way when its pipeline was to stop. */
export const ANSWER_MS = 1000;

/** Longer than the patience of any service this one replaces. */
const HORIZON_MS = 76 * 3_600_000;

/**
 * Hands events to a sender, in order, until each has its outcome: what may pass is tried again, after the destination's own
 * Retry-After or the schedule; what never will becomes a dead letter; an event that chokes the destination is found and buried.
 * What is settled goes into the books at once. Shutdown is no attempt: nothing is settled by it.
 */
export async function handOver(
  options: SendOptions,
  lane: Lane,
  events: readonly Outbound[],
  signal: AbortSignal,
): Promise<Ending> {
  const { trials, gate, search } = lane;
  const suspects = new Suspects(trials, () => gate.successes, Math.min(search.front, events.length));
  const ending = await settled(options, lane, events, suspects, signal);
  search.front = ending.kind === 'stopped' || ending.kind === 'suspend' ? suspects.front : 0;
  return ending;
}

async function settled(
  options: SendOptions,
  lane: Lane,
  events: readonly Outbound[],
  suspects: Suspects,
  signal: AbortSignal,
): Promise<Ending> {
  const { clock, random } = options;
  const { books, gate, pace, streak } = lane;
  let open = events;
  while (open.length > 0) {
    const sent = suspects.next(open, options.maxBatch);
    await gate.enter(signal);
    if (signal.aborted) return { kind: 'stopped' };
    const attempts = books.attempt(sent);
    const result = await attempt(options, lane, sent, attempts, signal);
    gate.leave(result.settled > 0, askedFor(result.askedMs));
    if (result.settled === 0 && signal.aborted) return { kind: 'stopped' };
    if (!signal.aborted) books.tried(result.open);
    if (result.gone) return { kind: 'suspend', reason: result.status };
    const before = open;
    if (result.settled > 0) {
      open = open.filter((one) => books.isOpen(one));
      suspects.brought(before, sent, result.open.length);
      pace.failures = 0;
      if (result.open.length === 0) continue;
    } else {
      pace.failures += 1;
      const condemned = suspects.failed(open, sent, result.answered, clock.steady());
      if (condemned !== undefined) {
        bury(
          options,
          lane,
          sent,
          `failed alone ${condemned} times while others went through: ${result.status}`,
          attempts,
        );
        open = open.filter((one) => books.isOpen(one));
        told(options, lane, streak.settled(clock.now(), false));
        continue;
      }
      if (result.failingMs >= HORIZON_MS)
        return { kind: 'suspend', reason: `nothing delivered for 76 h; last answer: ${result.status}` };
    }
    // A search goes on quickly: each of its steps is smaller than the last, and there are few.
    const waitMs =
      sent.length > 1 && result.answered
        ? waitAfter(1, result.askedMs, random)
        : waitAfter(Math.max(1, pace.failures), result.askedMs, random);
    streak.waits(clock.now() + waitMs);
    await lane.onWait();
    await clock.sleep(waitMs, signal);
    if (signal.aborted) return { kind: 'stopped' };
    if (suspects.stuck(open, options.maxBatch)) return { kind: 'stuck' };
  }
  return { kind: 'done' };
}

/** What one attempt brought. */
interface Result {
  readonly settled: number;
  readonly open: readonly Outbound[];
  readonly gone: boolean;
  readonly answered: boolean;
  readonly askedMs: number | undefined;
  readonly status: string;
  /** For how long nothing has been settled. */
  readonly failingMs: number;
}

/** Sends once and books what is settled. */
async function attempt(
  options: SendOptions,
  lane: Lane,
  sent: readonly Outbound[],
  attempts: number,
  signal: AbortSignal,
): Promise<Result> {
  const { shop, pipeline, clock, onAttempt, onSettled } = options;
  const started = clock.steady();
  const batch = { shop, pipeline, id: batchId(options, sent), events: sent };
  const { delivered, rejected, ...result } = sort(sent, await outcomesOf(lane.sender, batch, signal, clock));
  for (const { one, reason } of rejected) bury(options, lane, [one], reason, lane.books.attempt([one]));
  lane.books.delivered(delivered);
  const ms = clock.steady() - started;
  const settled = delivered.length + rejected.length;
  const failingMs = count(options, lane, { ...result, settled, delivered: delivered.length }, signal);
  if (delivered.length > 0) journal(options, lane, delivered, attempts, result.status);
  onAttempt({
    shop,
    pipeline,
    lane: lane.number,
    batch: batch.id,
    attempt: attempts,
    delivered: delivered.length,
    rejected: rejected.length,
    open: result.open.length,
    status: result.status,
    ms: Math.round(ms * 1000) / 1000,
    ...failingIn(lane.streak),
  });
  if (delivered.length > 0) onSettled?.('delivered', delivered, result.status);
  if (result.open.length > 0 && !signal.aborted) onSettled?.('retried', result.open, result.status);
  return { ...result, settled, failingMs };
}

/** Counts an attempt among those that settle something, or nothing; a shutdown is none. Gives for how long nothing has been settled. */
function count(
  options: SendOptions,
  lane: Lane,
  result: { readonly settled: number; readonly delivered: number; readonly gone: boolean; readonly status: string },
  signal: AbortSignal,
): number {
  const { clock, onFailing } = options;
  if (result.settled > 0) told(options, lane, lane.streak.settled(clock.now(), result.delivered > 0));
  if (result.settled > 0 || result.gone || signal.aborted) return 0;
  const { ms, failing } = lane.streak.failed(result.status, { now: clock.now(), steady: clock.steady() });
  if (failing) onFailing?.(failing);
  return ms;
}

function told({ onRecovered }: SendOptions, { books }: Lane, recovery: Recovery | undefined): void {
  if (recovery) onRecovered?.(recovery, books.settledAhead);
}

function failingIn({ saved: { failingSince, failure } }: Streak): Pick<Attempt, 'failing_since' | 'failed_attempts'> {
  if (failingSince === undefined || failure === undefined) return {};
  return { failing_since: new Date(failingSince).toISOString(), failed_attempts: failure.attempts };
}

function bury(options: SendOptions, lane: Lane, events: readonly Outbound[], reason: string, attempts: number): void {
  for (const { position, event } of events)
    lane.books.buried({ position, event, reason, attempts, at: options.clock.now() });
  journal(options, lane, events, attempts, reason);
  options.onSettled?.('dead', events, reason);
}

function journal(
  { clock }: SendOptions,
  { books, number }: Lane,
  events: readonly Outbound[],
  attempts: number,
  status: string,
): void {
  const [first, last] = [events[0]?.position ?? 0, events.at(-1)?.position ?? 0];
  books.journal({ lane: number, first, last, at: clock.now(), attempts, status });
}

/**
 * One outcome per event. A sender that throws, or answers for the wrong number of events, has said nothing: all may pass. What is under way
 * when the signal aborts has `ANSWER_MS` more, so that an end in order seldom makes a repeat.
 */
async function outcomesOf(sender: Sender, batch: Batch, signal: AbortSignal, clock: Clock): Promise<Outcome[]> {
  const all = (reason: string) => batch.events.map((): Outcome => ({ kind: 'retry', reason }));
  const cut = new AbortController();
  const answered = new AbortController();
  const ignore = onAbort(signal, () => void clock.sleep(ANSWER_MS, answered.signal).then(() => cut.abort()));
  try {
    const outcomes = await sender.send(batch, cut.signal);
    const { length } = batch.events;
    return outcomes.length === length
      ? outcomes
      : all(`the sender gave ${outcomes.length} outcomes for ${length} events`);
  } catch (error) {
    return all(error instanceof Error ? error.message : String(error));
  } finally {
    ignore();
    answered.abort();
  }
}

/**
 * The same for the same events of a pipeline, whenever they are sent, and for no others: a receiver may drop a batch by its id
 * alone. Positions would not do, since a log that begins anew counts from one again.
 */
function batchId({ shop, pipeline }: SendOptions, events: readonly Outbound[]): string {
  const hash = createHash('sha256').update(
    JSON.stringify([shop, pipeline, ...events.map(({ event }) => event.event_id)]),
  );
  return `${pipeline}_${hash.digest('base64url').slice(0, 22)}`;
}

function sort(events: readonly Outbound[], outcomes: readonly Outcome[]) {
  const delivered: Outbound[] = [];
  const open: Outbound[] = [];
  const rejected: { one: Outbound; reason: string }[] = [];
  let gone = false;
  let answered = true;
  let askedMs: number | undefined;
  let status = '';
  for (const [i, one] of events.entries()) {
    const outcome = outcomes[i] ?? { kind: 'retry', reason: 'no outcome' };
    switch (outcome.kind) {
      case 'delivered':
        delivered.push(one);
        status ||= outcome.status ?? 'delivered';
        break;
      case 'retry':
        open.push(one);
        status = outcome.reason;
        answered &&= outcome.answered ?? false;
        askedMs = outcome.afterMs === undefined ? askedMs : Math.max(askedMs ?? 0, outcome.afterMs);
        break;
      case 'rejected':
        rejected.push({ one, reason: outcome.reason });
        status = outcome.reason;
        break;
      case 'gone':
        gone = true;
        status = outcome.reason;
        break;
    }
  }
  return { delivered, open, rejected, gone, answered, askedMs, status };
}
