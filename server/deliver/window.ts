import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Position, READ_BYTES, type Stored, UnreadableEvents } from '../../adapters/logs/log.ts';
import type { DeliverOptions } from './deliver.ts';
import type { Ledger, Seen } from './ledger.ts';

export const MOST_LOOK_AHEAD = 1000;
/** Batches per lane between two saves of the cursor: the most that a crash repeats. */
const BATCHES_PER_SAVE = 4;
/** The signal of a read that must not wait. */
export const NOW = AbortSignal.abort();

/** What reading a window depends on. */
export interface Looking {
  readonly ledger: Ledger;
  /** Events read together: more than a batch if the filter drops most, so that batches are still full. */
  lookAhead: number;
}

/** A stretch of the log as one pipeline sees it. */
export interface Window {
  readonly to: Position;
  readonly seen: readonly Seen[];
  readonly wanted: readonly Stored[];
  /** Why positions are missing from the log, if any are. */
  readonly missing: string;
  /** Set if the window is empty because the next events cannot be read. */
  readonly unreadable?: UnreadableEvents;
}

/** The stretch after a position: a few batches per lane. Waits for events until the signal aborts; undefined if none came. */
export async function windowAfter(
  options: DeliverOptions,
  looking: Looking,
  { position, sending }: { readonly position: Position; readonly sending?: Position },
  signal: AbortSignal,
): Promise<Window | undefined> {
  const { id, log, until = Number.POSITIVE_INFINITY } = options;
  // A replay's stretch is on the log or gone, so there is nothing to wait for.
  const waiting = until === Number.POSITIVE_INFINITY ? signal : NOW;
  const room = options.maxBatch * options.senders.length * BATCHES_PER_SAVE;
  const end = Math.min(sending ?? Number.POSITIVE_INFINITY, until);
  const limit = Math.min(Math.max(room, looking.lookAhead), end - position);
  const stored = await stretch(options, position, limit, waiting);
  if (stored instanceof UnreadableEvents) return unreadableAt(options, position, end, stored);
  if (stored.length === 0)
    return Number.isFinite(until) && signal !== NOW && !signal.aborted ? allMissing(until) : undefined;
  const seen: Seen[] = [];
  const wanted: Stored[] = [];
  for (const one of stored) {
    if (one.position > end) break;
    // What was settled before the last stop stays settled, even if the filter has changed.
    const filtered = looking.ledger.isOpen(one) ? options.route(one.event) : undefined;
    looking.ledger.complete(one);
    if (filtered === undefined && wanted.length === room) break;
    if (filtered === undefined) wanted.push(one);
    seen.push({ position: one.position, filtered });
  }
  looking.lookAhead =
    wanted.length * 2 > seen.length ? 0 : Math.min(MOST_LOOK_AHEAD, 2 * Math.max(room, looking.lookAhead));
  const to = seen.at(-1)?.position ?? end;
  const gone = to - position - seen.length;
  const { oldest } = gone > 0 ? await log.extent(id.shop) : { oldest: 0 };
  const missing = oldest > position + 1 ? 'retention' : 'corrupt';
  if (gone > 0) options.onMissing(gone, missing);
  return { to, seen, wanted: wanted.filter((one) => looking.ledger.isOpen(one)), missing };
}

/**
 * The window at events that cannot be read: first the gap before them, then the events themselves if the operator chose to leave them
 * out; otherwise the reason to suspend the pipeline.
 */
async function unreadableAt(
  { id, log, cursor, onMissing }: DeliverOptions,
  position: Position,
  end: Position,
  unreadable: UnreadableEvents,
): Promise<Window> {
  const { from, to } = unreadable.stretch;
  const empty = { seen: [], wanted: [] };
  if (end <= position) return { ...empty, to: position, missing: '' };
  if (from > position + 1) {
    const { oldest } = await log.extent(id.shop);
    const missing = oldest > position + 1 ? 'retention' : 'corrupt';
    const last = Math.min(from - 1, end);
    onMissing(last - position, missing);
    return { ...empty, to: last, missing };
  }
  if (to > (cursor.progress.leaveOut ?? 0)) return { ...empty, to: position, missing: '', unreadable };
  const last = Math.min(to, end);
  onMissing(last - position, 'unreadable');
  return { ...empty, to: last, missing: 'unreadable' };
}

/**
 * Events after a position, read in pieces so that other work gets its turn; of large events at most one piece per batch. Ends before
 * events that cannot be read, and gives that error if it comes first.
 */
async function stretch(
  { id, log, senders }: DeliverOptions,
  after: Position,
  limit: number,
  signal: AbortSignal,
): Promise<Stored[] | UnreadableEvents> {
  const stored: Stored[] = [];
  for (let pieces = 0; pieces < senders.length * BATCHES_PER_SAVE; pieces += 1) {
    const from = stored.at(-1)?.position ?? after;
    const piece = await readable(log.read(id.shop, from, limit - stored.length, pieces === 0 ? signal : NOW));
    if (piece instanceof UnreadableEvents) return stored.length > 0 ? stored : piece;
    stored.push(...piece);
    // A piece that is not full is the last one, or all that was wanted.
    if (stored.length >= limit || piece.reduce((sum, { bytes }) => sum + bytes, 0) < READ_BYTES) break;
    await nextTurn();
  }
  return stored;
}

const readable = (read: Promise<Stored[]>): Promise<Stored[] | UnreadableEvents> =>
  read.catch((error: unknown) => {
    if (error instanceof UnreadableEvents) return error;
    throw error;
  });

const allMissing = (to: Position): Window => ({ to, seen: [], wanted: [], missing: 'retention' });
