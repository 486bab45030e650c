import type { Outbound } from '../../adapters/destinations/destination.ts';
import type { Outcome } from '../../adapters/outcome.ts';
import { batchId, outcomesOf } from './batch.ts';
import type { Lane, SendOptions } from './send.ts';
import type { Recovery, Streak } from './streak.ts';

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
  /** While the pipeline fails: since when, in ISO 8601. */
  readonly failing_since?: string;
  /** While the pipeline fails: attempts in a row that settled nothing. */
  readonly failed_attempts?: number;
}

/** What one attempt brought. */
export interface Result {
  /** Number of events that have their outcome now. */
  readonly settled: number;
  /** Events to try again. */
  readonly open: readonly Outbound[];
  /** The destination will take nothing more. */
  readonly gone: boolean;
  /** Whether the destination answered at all. */
  readonly answered: boolean;
  /** What the destination asked to wait. */
  readonly retryAfterMs: number | undefined;
  readonly status: string;
  /** For how long nothing has been settled. */
  readonly failingMs: number;
}

/** Sends once and enters the outcomes into the ledger. */
export async function attempt(
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
  for (const { one, reason } of rejected) deadLetter(options, lane, [one], reason, lane.ledger.attempt([one]));
  lane.ledger.delivered(delivered);
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

/** Makes events dead letters: in the ledger, in the journal and in the tail. `attempts`: how often they were tried. */
export function deadLetter(
  options: SendOptions,
  lane: Lane,
  events: readonly Outbound[],
  reason: string,
  attempts: number,
): void {
  for (const { position, event } of events)
    lane.ledger.addDeadLetter({ position, event, reason, attempts, at: options.clock.now() });
  journal(options, lane, events, attempts, reason);
  options.onSettled?.('dead', events, reason);
}

/** Reports a recovery, if there is one. */
export function reportRecovery({ onRecovered }: SendOptions, { ledger }: Lane, recovery: Recovery | undefined): void {
  if (recovery) onRecovered?.(recovery, ledger.settledAhead);
}

/** Adds an attempt to the streak; one that a shutdown cut off is not counted. Gives for how many milliseconds nothing has been settled. */
function count(
  options: SendOptions,
  lane: Lane,
  result: { readonly settled: number; readonly delivered: number; readonly gone: boolean; readonly status: string },
  signal: AbortSignal,
): number {
  const { clock, onFailing } = options;
  if (result.settled > 0) reportRecovery(options, lane, lane.streak.settled(clock.now(), result.delivered > 0));
  if (result.settled > 0 || result.gone || signal.aborted) return 0;
  const { ms, failing } = lane.streak.failed(result.status, { now: clock.now(), steady: clock.steady() });
  if (failing) onFailing?.(failing);
  return ms;
}

function failingIn({ saved: { failingSince, failure } }: Streak): Pick<Attempt, 'failing_since' | 'failed_attempts'> {
  if (failingSince === undefined || failure === undefined) return {};
  return { failing_since: new Date(failingSince).toISOString(), failed_attempts: failure.attempts };
}

function journal(
  { clock }: SendOptions,
  { ledger, number }: Lane,
  events: readonly Outbound[],
  attempts: number,
  status: string,
): void {
  const [first, last] = [events[0]?.position ?? 0, events.at(-1)?.position ?? 0];
  ledger.journal({ lane: number, first, last, at: clock.now(), attempts, status });
}

function sort(events: readonly Outbound[], outcomes: readonly Outcome[]) {
  const delivered: Outbound[] = [];
  const open: Outbound[] = [];
  const rejected: { one: Outbound; reason: string }[] = [];
  let gone = false;
  let answered = true;
  let retryAfterMs: number | undefined;
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
        retryAfterMs = outcome.afterMs === undefined ? retryAfterMs : Math.max(retryAfterMs ?? 0, outcome.afterMs);
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
  return { delivered, open, rejected, gone, answered, retryAfterMs, status };
}
