import { createHash } from 'node:crypto';
import type { Batch, Outbound, Outcome, Sender } from '../adapters/destinations/destination.ts';
import type { DeadLetter } from '../adapters/logs/state.ts';
import type { Clock } from './clock.ts';
import { waitAfter } from './retry.ts';

/** What a pipeline is doing, for people and metrics. */
export type Phase =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'sending' }
  | { readonly kind: 'retrying'; readonly attempts: number; readonly reason: string; readonly nextAttemptAt: number }
  | { readonly kind: 'suspended'; readonly reason: string; readonly since: number };

export interface SendOptions {
  readonly shop: string;
  readonly pipeline: string;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onPhase: (phase: Phase) => void;
  readonly onAttempt: (attempt: Attempt) => void;
}

/** What became of a batch that is settled: all that is not dead was delivered. */
export interface Settled {
  readonly dead: readonly DeadLetter[];
  readonly attempts: number;
  /** The last answer, for example "HTTP 200". */
  readonly status: string;
}

/** One attempt to hand over one batch: the fields of its log line. */
export interface Attempt {
  readonly shop: string;
  readonly pipeline: string;
  readonly batch: string;
  readonly attempt: number;
  readonly delivered: number;
  readonly rejected: number;
  readonly open: number;
  readonly status: string;
  readonly ms: number;
  readonly nextInMs?: number;
}

const NOTHING_SENT: Settled = { dead: [], attempts: 0, status: '' };

/**
 * Hands a batch to the sender until every event of it has its outcome: what may pass is tried again, after the destination's own
 * Retry-After or the schedule; what never will becomes a dead letter. Undefined where the signal ended it first: nothing is
 * settled then, and shutdown counts as no attempt.
 */
export async function handOver(
  options: SendOptions,
  wanted: readonly Outbound[],
  signal: AbortSignal,
): Promise<Settled | undefined> {
  if (wanted.length === 0) return NOTHING_SENT;
  const { clock, onPhase } = options;
  const dead: DeadLetter[] = [];
  let open = wanted;
  for (let attempts = 1; ; attempts++) {
    onPhase({ kind: 'sending' });
    const started = clock.now();
    const batch = { shop: options.shop, pipeline: options.pipeline, id: batchId(options, open), events: open };
    const outcomes = await outcomesOf(options.sender, batch, signal);
    if (signal.aborted && outcomes.some(({ kind }) => kind === 'retry')) return undefined;
    const sorted = sort(open, outcomes);
    dead.push(
      ...sorted.rejected.map(({ one: { position, event }, reason }) => ({
        position,
        event,
        reason,
        attempts,
        at: clock.now(),
      })),
    );
    const nextInMs = sorted.open.length > 0 ? waitAfter(attempts, sorted.askedMs, options.random) : undefined;
    report(
      options,
      { batch: batch.id, attempt: attempts, ...counts(open, sorted), ms: clock.now() - started },
      nextInMs,
    );
    if (sorted.gone) return suspended(options, sorted.status, signal);
    if (nextInMs === undefined) return { dead, attempts, status: sorted.status };
    open = sorted.open;
    onPhase({ kind: 'retrying', attempts, reason: sorted.status, nextAttemptAt: clock.now() + nextInMs });
    await clock.sleep(nextInMs, signal);
    if (signal.aborted) return undefined;
  }
}

/** One outcome per event. A sender that throws, or answers for the wrong number of events, has said nothing: all may pass. */
async function outcomesOf(sender: Sender, batch: Batch, signal: AbortSignal): Promise<Outcome[]> {
  const all = (reason: string) => batch.events.map((): Outcome => ({ kind: 'retry', reason }));
  try {
    const outcomes = await sender.send(batch, signal);
    const { length } = batch.events;
    return outcomes.length === length
      ? outcomes
      : all(`the sender gave ${outcomes.length} outcomes for ${length} events`);
  } catch (error) {
    return all(error instanceof Error ? error.message : String(error));
  }
}

/**
 * The same for the same events of a pipeline, whenever they are sent, and for no others: a receiver may drop a batch by its id alone.
 * Positions would not do, since a log that begins anew counts from one again.
 */
function batchId({ shop, pipeline }: Pick<SendOptions, 'shop' | 'pipeline'>, events: readonly Outbound[]): string {
  const hash = createHash('sha256').update(
    JSON.stringify([shop, pipeline, ...events.map(({ event }) => event.event_id)]),
  );
  return `${pipeline}_${hash.digest('base64url').slice(0, 22)}`;
}

interface Sorted {
  readonly open: readonly Outbound[];
  readonly rejected: readonly { readonly one: Outbound; readonly reason: string }[];
  readonly gone: boolean;
  readonly askedMs: number | undefined;
  readonly status: string;
}

function sort(events: readonly Outbound[], outcomes: readonly Outcome[]): Sorted {
  const open: Outbound[] = [];
  const rejected: { one: Outbound; reason: string }[] = [];
  let gone = false;
  let askedMs: number | undefined;
  let status = '';
  for (const [i, one] of events.entries()) {
    const outcome = outcomes[i] ?? { kind: 'retry', reason: 'no outcome' };
    switch (outcome.kind) {
      case 'delivered':
        status ||= outcome.status ?? 'delivered';
        break;
      case 'retry':
        open.push(one);
        status = outcome.reason;
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
  return { open, rejected, gone, askedMs, status };
}

const counts = (sent: readonly Outbound[], { open, rejected, status }: Sorted) => ({
  delivered: sent.length - open.length - rejected.length,
  rejected: rejected.length,
  open: open.length,
  status,
});

function report(
  { shop, pipeline, onAttempt }: SendOptions,
  fields: Omit<Attempt, 'shop' | 'pipeline'>,
  nextInMs: number | undefined,
): void {
  onAttempt({ shop, pipeline, ...fields, ...(nextInMs !== undefined && { nextInMs: Math.round(nextInMs) }) });
}

/** The destination wants nothing more: the pipeline stays where it is until the process or its configuration starts anew. */
async function suspended({ clock, onPhase }: SendOptions, reason: string, signal: AbortSignal): Promise<undefined> {
  onPhase({ kind: 'suspended', reason, since: clock.now() });
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return undefined;
}
