import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Position, READ_BYTES, type Stored, UnreadableEvents } from '../../adapters/logs/log.ts';
import type { DeliverOptions } from './deliver.ts';
import type { Ledger, Seen } from './ledger.ts';

export const MOST_LOOK_AHEAD = 1000;
/** Batches per lane between two saves of the cursor: what a crash repeats at most. */
const BATCHES_PER_SAVE = 4;
/** Given as the signal of a look: it waits for nothing. */
export const NOW = AbortSignal.abort();

/** What a look at the log needs to know. */
export interface Looking {
  readonly ledger: Ledger;
  /** Events looked at together: more than a batch where the pipeline is choosy, so that it still sends full ones. */
  lookAhead: number;
}

/** A stretch of the log as one pipeline sees it. */
export interface Window {
  readonly to: Position;
  readonly seen: readonly Seen[];
  readonly wanted: readonly Stored[];
  /** Why positions are missing, if any are. */
  readonly missing: string;
  /** The window is empty, since what comes cannot be read. */
  readonly unreadable?: UnreadableEvents;
}

/** The stretch behind a position: a few batches per lane. Waits for it until the signal aborts; undefined where there is none. */
export async function windowAfter(
  options: DeliverOptions,
  looking: Looking,
  { position, sending }: { readonly position: Position; readonly sending?: Position },
  signal: AbortSignal,
): Promise<Window | undefined> {
  const { id, log, until = Number.POSITIVE_INFINITY } = options;
  // All of a replay's stretch is on the log or gone: there is nothing to wait for.
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
    // What was settled before the last stop stays so, whatever the filter says now.
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

/** What is gone before events that cannot be read; then those, where they are to be left out; else the reason to be suspended. */
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

/** Events after a position, in pieces, between which others have their turn; of large events no more than a piece for each batch. What cannot be read ends it; at its beginning it is all there is. */
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
    // A piece that is not full is the last one, or all that was asked for.
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
