import type { Outbound, Sender } from '../../adapters/destinations/destination.ts';
import type { Clock } from '../base/clock.ts';
import { type Attempt, attempt, deadLetter, type Result, reportRecovery } from './attempt.ts';
import type { Ledger } from './ledger.ts';
import { PoisonSearch, type Suspects } from './poison-search.ts';
import { clampRetryAfter, waitAfter } from './retry.ts';
import type { Failing, Recovery, Streak } from './streak.ts';
import type { Throttle } from './throttle.ts';

export interface SendOptions {
  readonly shop: string;
  readonly pipeline: string;
  readonly maxBatch: number;
  readonly clock: Clock;
  /** Gives a number from 0 up to 1. */
  readonly random: () => number;
  /** Called once when the pipeline starts to fail. */
  readonly onFailing?: (failing: Failing) => void;
  /** Called once when it has recovered. `settledAhead`: events that are settled beyond the saved cursor. */
  readonly onRecovered?: (recovery: Recovery, settledAhead: number) => void;
  readonly onAttempt: (attempt: Attempt) => void;
  /** Called with the events that one attempt settled or left open, for the tail. */
  readonly onSettled?: (kind: 'delivered' | 'dead' | 'retried', events: readonly Outbound[], status: string) => void;
}

/** One lane at work: its own connection, and what it shares with the other lanes of its pipeline. */
export interface Lane {
  readonly number: number;
  readonly sender: Sender;
  readonly ledger: Ledger;
  readonly streak: Streak;
  readonly throttle: Throttle;
  readonly suspects: Suspects;
  /** Failures in a row, also across windows. */
  readonly pace: { failures: number };
  /** How many events a poison search still suspected when its hand-over was interrupted. */
  readonly search: { front: number };
  /** Called before each wait, so that finished events are saved meanwhile. */
  readonly onWait: () => Promise<void>;
}

/**
 * How a hand-over ended. `done`: every event has its outcome. `stopped`: the signal aborted. `stuck`: the poison search needs events that
 * are not here yet. `suspend`: the destination will take nothing more.
 */
export type Ending =
  | { readonly kind: 'done' | 'stopped' | 'stuck' }
  | { readonly kind: 'suspend'; readonly reason: string };

/** Longer than any of the services that this gateway replaces would retry. */
const HORIZON_MS = 76 * 3_600_000;

/**
 * Hands events to a sender, in order, until each has its outcome. Failures that may pass are retried, after the destination's Retry-After
 * or the schedule of retry.ts; what the destination rejects becomes a dead letter, as does an event that makes every batch fail. Outcomes
 * go into the ledger at once. An attempt that a shutdown cuts off is not counted and settles nothing.
 */
export async function handOver(
  options: SendOptions,
  lane: Lane,
  events: readonly Outbound[],
  signal: AbortSignal,
): Promise<Ending> {
  const { suspects, throttle, search } = lane;
  const poison = new PoisonSearch(suspects, () => throttle.successes, Math.min(search.front, events.length));
  const ending = await sendAll(options, lane, events, poison, signal);
  search.front = ending.kind === 'stopped' || ending.kind === 'suspend' ? poison.front : 0;
  return ending;
}

async function sendAll(
  options: SendOptions,
  lane: Lane,
  events: readonly Outbound[],
  poison: PoisonSearch,
  signal: AbortSignal,
): Promise<Ending> {
  const { clock } = options;
  const { ledger, throttle, pace, streak } = lane;
  let open = events;
  while (open.length > 0) {
    const sent = poison.next(open, options.maxBatch);
    await throttle.enter(signal);
    if (signal.aborted) return { kind: 'stopped' };
    const attempts = ledger.attempt(sent);
    const result = await attempt(options, lane, sent, attempts, signal);
    throttle.leave(result.settled > 0, clampRetryAfter(result.retryAfterMs));
    if (result.settled === 0 && signal.aborted) return { kind: 'stopped' };
    if (!signal.aborted) ledger.tried(result.open);
    if (result.gone) return { kind: 'suspend', reason: result.status };
    const before = open;
    if (result.settled > 0) {
      open = open.filter((one) => ledger.isOpen(one));
      poison.succeeded(before, sent, result.open.length);
      pace.failures = 0;
      if (result.open.length === 0) continue;
    } else {
      pace.failures += 1;
      const failures = poison.failed(open, sent, result.answered, clock.steady());
      if (failures !== undefined) {
        const reason = `failed alone ${failures} times while others went through: ${result.status}`;
        deadLetter(options, lane, sent, reason, attempts);
        open = open.filter((one) => ledger.isOpen(one));
        reportRecovery(options, lane, streak.settled(clock.now(), false));
        continue;
      }
      if (result.failingMs >= HORIZON_MS)
        return { kind: 'suspend', reason: `nothing delivered for 76 h; last answer: ${result.status}` };
    }
    const waitMs = waitFor(options, lane, sent, result);
    streak.waits(clock.now() + waitMs);
    await lane.onWait();
    await clock.sleep(waitMs, signal);
    if (signal.aborted) return { kind: 'stopped' };
    if (poison.needsMoreEvents(open, options.maxBatch)) return { kind: 'stuck' };
  }
  return { kind: 'done' };
}

/** Milliseconds until the next attempt. A poison search waits as after a first failure: it has few steps, each with a smaller batch. */
function waitFor({ random }: SendOptions, { pace }: Lane, sent: readonly Outbound[], result: Result): number {
  const isSearching = sent.length > 1 && result.answered;
  return waitAfter(isSearching ? 1 : Math.max(1, pace.failures), result.retryAfterMs, random);
}
