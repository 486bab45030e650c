import type { EventLog, Position, Stored } from '../adapters/logs/log.ts';
import type { Cursor, JournalLine, Progress } from '../adapters/logs/state.ts';
import type { FilterReason, Route } from './route.ts';
import { handOver, type SendOptions, type Settled } from './send.ts';

export interface DeliverOptions extends SendOptions {
  readonly log: EventLog;
  readonly cursor: Cursor;
  readonly route: Route;
  readonly maxBatch: number;
}

/** Events looked at together. More than most batches hold, so that a choosy pipeline still sends full ones. */
const LOOK_AHEAD = 1000;
const NOW = AbortSignal.abort();

/**
 * One pipeline's loop: read, route, send, settle, until the signal aborts. One batch at a time, in order. Progress is saved
 * with the bounds of the next batch before that is sent, so that after a crash the same events go out as the same batch.
 */
export async function deliver(options: DeliverOptions, signal: AbortSignal): Promise<void> {
  const { cursor } = options;
  let window = await nextWindow(options, signal);
  if (window) await cursor.save({ ...cursor.progress, sending: window.to }, undefined, []);
  while (window && !signal.aborted) {
    const settled: Settled | undefined = await handOver(options, window.wanted, signal);
    if (settled === undefined) return;
    const { sending: _, ...progress } = advanced(cursor.progress, window, settled);
    const line = journalLine(options, window, settled);
    const following = await nextWindow(options, NOW, progress);
    await cursor.save(following ? { ...progress, sending: following.to } : progress, line, settled.dead);
    window = following ?? (await nextWindow(options, signal));
    if (window && !following) await cursor.save({ ...cursor.progress, sending: window.to }, undefined, []);
  }
}

/** A stretch of the log as one pipeline sees it: what it wants, and what became of the rest. */
interface Window {
  readonly to: Position;
  readonly wanted: readonly Stored[];
  readonly filtered: Readonly<Partial<Record<FilterReason, number>>>;
  readonly dropped: Readonly<Record<string, number>>;
}

/** The next stretch that holds one batch at most; waits for it until the signal aborts. */
async function nextWindow(
  options: DeliverOptions,
  signal: AbortSignal,
  progress = options.cursor.progress,
): Promise<Window | undefined> {
  const { shop, log, maxBatch, onPhase } = options;
  const { position, sending } = progress;
  if (signal !== NOW) {
    if (signal.aborted) return undefined;
    onPhase({ kind: 'waiting' });
  }
  const stored = await log.read(shop, position, sending ? sending - position : Math.max(maxBatch, LOOK_AHEAD), signal);
  if (stored.length === 0) return undefined;
  const { wanted, filtered, to, seen } = sift(stored, options, sending ?? Number.POSITIVE_INFINITY);
  const end = Number.isFinite(to) ? to : (sending ?? position);
  const missing = end - position - seen;
  if (missing === 0) return { to: end, wanted, filtered, dropped: {} };
  const { oldest } = await log.extent(shop);
  return { to: end, wanted, filtered, dropped: { [oldest > position + 1 ? 'retention' : 'corrupt']: missing } };
}

function sift(stored: readonly Stored[], { route, maxBatch }: DeliverOptions, last: Position) {
  const wanted: Stored[] = [];
  const filtered: Partial<Record<FilterReason, number>> = {};
  let to = Number.NEGATIVE_INFINITY;
  let seen = 0;
  for (const one of stored) {
    if (one.position > last) break;
    const reason = route(one.event);
    if (reason === undefined && wanted.length === maxBatch) break;
    if (reason === undefined) wanted.push(one);
    else filtered[reason] = (filtered[reason] ?? 0) + 1;
    to = one.position;
    seen += 1;
  }
  return { wanted, filtered, to, seen };
}

/** The progress after a settled window: each position of it is counted exactly once. */
function advanced(progress: Progress, { to, wanted, filtered, dropped }: Window, { dead }: Settled): Progress {
  return {
    ...progress,
    position: to,
    delivered: progress.delivered + wanted.length - dead.length,
    dead: progress.dead + dead.length,
    filtered: sum(progress.filtered, filtered),
    dropped: sum(progress.dropped, dropped),
  };
}

function sum(counts: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>): Record<string, number> {
  const total = { ...counts };
  for (const [reason, count] of Object.entries(more)) total[reason] = (total[reason] ?? 0) + count;
  return total;
}

function journalLine(
  { cursor, clock }: DeliverOptions,
  { to, wanted }: Window,
  settled: Settled,
): JournalLine | undefined {
  if (wanted.length === 0) return undefined;
  const dead = settled.dead.length;
  const { attempts, status } = settled;
  return {
    at: clock.now(),
    from: cursor.progress.position + 1,
    to,
    attempts,
    delivered: wanted.length - dead,
    dead,
    status,
  };
}
