import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Outbound, Sender } from '../adapters/destinations/destination.ts';
import { type EventLog, type Position, READ_BYTES, type Stored, UnreadableEvents } from '../adapters/logs/log.ts';
import type { Ahead, Cursor, PipelineId, Progress, State, Suspension } from '../adapters/logs/state.ts';
import { Books, type Passed, type Seen } from './books.ts';
import { Gate } from './gate.ts';
import { laneOf } from './lanes.ts';
import { Redrives } from './redrive.ts';
import type { Route } from './route.ts';
import { type Ending, handOver, type Lane, type SendOptions } from './send.ts';
import type { Trials } from './suspects.ts';
import { suspensionFor } from './unreadable.ts';

export interface DeliverOptions extends SendOptions {
  readonly log: EventLog;
  readonly state: State;
  /** Under which id its progress, journal and dead letters are kept. */
  readonly id: PipelineId;
  readonly cursor: Cursor;
  readonly route: Route;
  /** One connection per lane. */
  readonly senders: readonly Sender[];
  /** Called when the log does not have what it should, with how many events and why. */
  readonly onMissing: (events: number, reason: string) => void;
  /** Where to end: a replay's last position. Without it there is no end. */
  readonly until?: Position;
}

const MOST_LOOK_AHEAD = 1000;
/** Batches per lane between two saves of the cursor: what a crash repeats at most. */
const BATCHES_PER_SAVE = 4;
const NOW = AbortSignal.abort();

/**
 * One pipeline's loop: read, route, send, settle, until the signal aborts, `until` is reached, or the pipeline is suspended (gives
 * why). Each lane sends one batch at a time, in order. Progress is saved with the bounds of the next stretch before
 * that is sent, so that after a crash the same events go out in the same batches.
 */
export async function deliver(options: DeliverOptions, signal: AbortSignal): Promise<Suspension | undefined> {
  const { cursor } = options;
  const loop = startOf(options);
  if (cursor.progress.suspended) return suspended(options, cursor.progress.suspended);
  let window: Window | undefined;
  while (!signal.aborted) {
    const redriven = await loop.redrives.run(signal);
    if (redriven?.kind === 'suspend') return suspend(options, redriven.reason);
    loop.interrupted = interruption(loop, signal);
    if (cursor.progress.position >= (options.until ?? Number.POSITIVE_INFINITY)) break;
    window ??= await nextWindow(options, loop);
    if (window === undefined) continue;
    if (window.unreadable) return suspendUnreadable(options, window.unreadable);
    if (cursor.progress.sending !== window.to && window.wanted.length > 0) {
      await cursor.save({ progress: { ...cursor.progress, sending: window.to } });
    }
    const endings = await send(options, loop, window, signal);
    // An event that is tried alone at the end of the log waits in the company of those that come.
    const stuck = endings.some(({ kind }) => kind === 'stuck');
    window = await settle(options, loop, window, stuck);
    const ending = endings.find((one) => one.kind === 'suspend');
    if (ending?.kind === 'suspend') return suspend(options, ending.reason);
  }
  return undefined;
}

/** What outlives a window. */
interface Loop {
  readonly books: Books;
  readonly lanes: readonly Omit<Lane, 'onWait'>[];
  readonly redrives: Redrives;
  more: AbortSignal;
  /** Aborts with either: the end, or dead letters to try once more. */
  interrupted: AbortSignal;
  /** Events looked at together: more than a batch where the pipeline is choosy, so that it still sends full ones. */
  lookAhead: number;
}

function startOf(options: DeliverOptions): Loop {
  const { cursor, clock, senders } = options;
  const books = new Books(cursor.progress);
  const gate = new Gate(clock);
  const trials: Trials = new Map();
  const { fronts = [] } = cursor.progress.ahead ?? {};
  const lanes = senders.map((sender, number) => ({
    ...{ number, sender, books, gate, trials, pace: { failures: 0 } },
    search: { front: fronts.length === senders.length ? (fronts[number] ?? 0) : 0 },
  }));
  const redrives = new Redrives(options, lanes[0]);
  return { books, lanes, redrives, more: NOW, interrupted: NOW, lookAhead: MOST_LOOK_AHEAD };
}

/** Made anew only for new letters: each such signal is remembered by those that it follows. */
function interruption(loop: Loop, signal: AbortSignal): AbortSignal {
  const { more } = loop.redrives;
  if (more === NOW || more !== loop.more) loop.more = more;
  else return loop.interrupted;
  return more === NOW ? NOW : AbortSignal.any([signal, more]);
}

/** A stretch of the log as one pipeline sees it. */
interface Window {
  readonly to: Position;
  readonly seen: readonly Seen[];
  readonly wanted: readonly Stored[];
  /** Why positions are missing, if any are. */
  readonly missing: string;
  /** The window is empty, since what comes cannot be read. */
  readonly unreadable?: UnreadableEvents;
}

/** The next stretch: a few batches per lane. Waits for it until the signal aborts or dead letters are to be looked through. */
async function nextWindow(options: DeliverOptions, loop: Loop): Promise<Window | undefined> {
  options.onPhase({ kind: 'waiting' });
  return windowAfter(options, loop, options.cursor.progress, loop.interrupted);
}

async function windowAfter(
  options: DeliverOptions,
  loop: Loop,
  { position, sending }: { readonly position: Position; readonly sending?: Position },
  signal: AbortSignal,
): Promise<Window | undefined> {
  const { id, log, until = Number.POSITIVE_INFINITY } = options;
  // All of a replay's stretch is on the log or gone: there is nothing to wait for.
  const waiting = until === Number.POSITIVE_INFINITY ? signal : NOW;
  const room = options.maxBatch * options.senders.length * BATCHES_PER_SAVE;
  const end = Math.min(sending ?? Number.POSITIVE_INFINITY, until);
  const limit = Math.min(Math.max(room, loop.lookAhead), end - position);
  const stored = await stretch(options, position, limit, waiting);
  if (stored instanceof UnreadableEvents) return unreadableAt(options, position, end, stored);
  if (stored.length === 0)
    return Number.isFinite(until) && signal !== NOW && !signal.aborted ? allMissing(until) : undefined;
  const seen: Seen[] = [];
  const wanted: Stored[] = [];
  for (const one of stored) {
    if (one.position > end) break;
    // What was settled before the last stop stays so, whatever the filter says now.
    const filtered = loop.books.isOpen(one) ? options.route(one.event) : undefined;
    loop.books.complete(one);
    if (filtered === undefined && wanted.length === room) break;
    if (filtered === undefined) wanted.push(one);
    seen.push({ position: one.position, filtered });
  }
  loop.lookAhead = wanted.length * 2 > seen.length ? 0 : Math.min(MOST_LOOK_AHEAD, 2 * Math.max(room, loop.lookAhead));
  const to = seen.at(-1)?.position ?? end;
  const gone = to - position - seen.length;
  const { oldest } = gone > 0 ? await log.extent(id.shop) : { oldest: 0 };
  const missing = oldest > position + 1 ? 'retention' : 'corrupt';
  if (gone > 0) options.onMissing(gone, missing);
  return { to, seen, wanted: wanted.filter((one) => loop.books.isOpen(one)), missing };
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

/** Sends what a window holds, each lane its share. */
async function send(options: DeliverOptions, loop: Loop, window: Window, signal: AbortSignal): Promise<Ending[]> {
  const shares: Outbound[][] = loop.lanes.map(() => []);
  for (const one of window.wanted) shares[laneOf(one.event, shares.length)]?.push(one);
  // With several lanes the cursor stays at the beginning of the window: from its middle the batches would be cut otherwise after a crash.
  const onWait = (): Promise<void> =>
    loop.lanes.length === 1
      ? save(options, passed(options, loop, window), loop, window.to)
      : saveFailing(options, loop);
  return Promise.all(
    loop.lanes.map((lane, number) => handOver(options, { ...lane, onWait }, shares[number] ?? [], signal)),
  );
}

/** What a window has come to: over what is finished at its beginning, and with what is settled behind that. */
function passed({ cursor, senders }: DeliverOptions, loop: Loop, window: Window): Passed {
  const { seen, to, missing } = window;
  const { progress, ...rest } = loop.books.pass(cursor.progress, seen, to, missing, senders.length);
  const ahead = aheadOf(loop, progress.position);
  return { ...rest, progress: { ...progress, ...(ahead && { ahead }) } };
}

function aheadOf({ books, lanes }: Loop, position: Position): Ahead | undefined {
  const ahead = books.ahead(position, lanes.length);
  const fronts = lanes.map(({ search }) => search.front);
  if (fronts.every((front) => front === 0)) return ahead;
  return { ...(ahead ?? { delivered: [], dead: [], batches: [] }), fronts };
}

/** Saves what a window has come to, together with the bounds of the next one where that is there already. */
async function settle(
  options: DeliverOptions,
  loop: Loop,
  window: Window,
  stuck: boolean,
): Promise<Window | undefined> {
  const result = passed(options, loop, window);
  const { progress } = result;
  if (progress.position < window.to) {
    await save(options, result, loop, stuck ? undefined : window.to);
    return undefined;
  }
  const following = await windowAfter(options, loop, progress, NOW);
  await save(
    options,
    { ...result, progress },
    loop,
    following && following.wanted.length > 0 ? following.to : undefined,
  );
  return following;
}

async function save(
  { cursor }: DeliverOptions,
  { progress, journal, dead }: Passed,
  { books }: Loop,
  sending: Position | undefined,
): Promise<void> {
  const { sending: was, ...rest } = progress;
  const next: Progress = sending === undefined || sending <= progress.position ? rest : { ...rest, sending };
  const { position, failingSince, ahead } = cursor.progress;
  const same = next.position === position && next.failingSince === failingSince && next.sending === was;
  if (same && isDeepStrictEqual(next.ahead, ahead)) return;
  await cursor.save({ progress: next, journal, dead });
  books.close(next.position);
}

/** Remembers since when nothing goes through, and what is settled behind the cursor, across restarts too. */
async function saveFailing({ cursor }: DeliverOptions, loop: Loop): Promise<void> {
  const { failingSince: was, ahead: wasAhead, ...progress } = cursor.progress;
  const { failingSince } = loop.books;
  const ahead = aheadOf(loop, progress.position);
  if (failingSince === was && isDeepStrictEqual(ahead, wasAhead)) return;
  await cursor.save({
    progress: { ...progress, ...(failingSince !== undefined && { failingSince }), ...(ahead && { ahead }) },
  });
}

async function suspendUnreadable(options: DeliverOptions, unreadable: UnreadableEvents): Promise<Suspension> {
  const { newest } = await options.log.extent(options.id.shop);
  return suspend(options, suspensionFor(unreadable, newest), newest);
}

/** The pipeline stays where it is until it is resumed; its cursor stays too. */
async function suspend(options: DeliverOptions, reason: string, leaveOut?: Position): Promise<Suspension> {
  const { cursor, clock } = options;
  const suspension = { reason, at: clock.now(), ...(leaveOut !== undefined && { leaveOut }) };
  await cursor.save({ progress: { ...cursor.progress, suspended: suspension } });
  return suspended(options, suspension);
}

function suspended({ onPhase }: DeliverOptions, { reason, at }: Suspension): Suspension {
  onPhase({ kind: 'suspended', reason, since: at });
  return { reason, at };
}
