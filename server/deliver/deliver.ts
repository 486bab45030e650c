import { isDeepStrictEqual } from 'node:util';
import type { Outbound, Sender } from '../../adapters/destinations/destination.ts';
import type { EventLog, Position, UnreadableEvents } from '../../adapters/logs/log.ts';
import type { Cursor } from '../../adapters/logs/state/cursors.ts';
import type { Ahead, Progress, Suspension } from '../../adapters/logs/state/progress.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import type { State } from '../../adapters/logs/state/state.ts';
import { suspensionFor } from '../base/unreadable.ts';
import { type Advance, Ledger } from './ledger.ts';
import type { Suspects } from './poison-search.ts';
import { Redrives } from './redrive.ts';
import { laneOf, type Route } from './route.ts';
import { type Ending, handOver, type Lane, type SendOptions } from './send.ts';
import { Streak } from './streak.ts';
import { Throttle } from './throttle.ts';
import { type Looking, MOST_LOOK_AHEAD, NOW, type Window, windowAfter } from './window.ts';

export interface DeliverOptions extends SendOptions {
  readonly log: EventLog;
  readonly state: State;
  /** The id under which progress, journal and dead letters are kept. */
  readonly id: PipelineId;
  readonly cursor: Cursor;
  readonly route: Route;
  /** One connection for each lane. */
  readonly senders: readonly Sender[];
  /** Called when the pipeline is suspended, also if it was when the loop began. */
  readonly onSuspended: (suspension: Suspension) => void;
  /** Called if events are missing from the log: how many, and why. */
  readonly onMissing: (events: number, reason: string) => void;
  /** A replay's last position. Without it the loop has no end. */
  readonly until?: Position;
}

/**
 * One pipeline's loop: read, route, send, settle. It ends when the signal aborts, `until` is reached, or the pipeline is suspended; then it
 * gives the suspension. Each lane sends one batch at a time, in order. The bounds of a stretch are saved before it is sent, so that after
 * a crash the same events go out in the same batches. Throws LogUnavailable.
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
    // If a poison search is stuck at the end of the log, wait for more events and read its event again with them.
    const stuck = endings.some(({ kind }) => kind === 'stuck');
    window = await settle(options, loop, window, stuck);
    const ending = endings.find((one) => one.kind === 'suspend');
    if (ending?.kind === 'suspend') return suspend(options, ending.reason);
  }
  return undefined;
}

/** What is kept from window to window. */
interface Loop extends Looking {
  readonly streak: Streak;
  readonly lanes: readonly Omit<Lane, 'onWait'>[];
  readonly redrives: Redrives;
  more: AbortSignal;
  /** Aborts at the end, or when dead letters are to be tried again. */
  interrupted: AbortSignal;
}

function startOf(options: DeliverOptions): Loop {
  const { cursor, clock, senders } = options;
  const ledger = new Ledger(cursor.progress);
  const streak = new Streak(cursor.progress);
  const throttle = new Throttle(clock);
  const suspects: Suspects = new Map();
  const { fronts = [] } = cursor.progress.ahead ?? {};
  const lanes = senders.map((sender, number) => ({
    ...{ number, sender, ledger, streak, throttle, suspects, pace: { failures: 0 } },
    search: { front: fronts.length === senders.length ? (fronts[number] ?? 0) : 0 },
  }));
  const redrives = new Redrives(options, lanes[0]);
  return { ledger, streak, lanes, redrives, more: NOW, interrupted: NOW, lookAhead: MOST_LOOK_AHEAD };
}

/** Built anew only for new letters: the signals it depends on keep a reference to each one. */
function interruption(loop: Loop, signal: AbortSignal): AbortSignal {
  const { more } = loop.redrives;
  if (more === NOW || more !== loop.more) loop.more = more;
  else return loop.interrupted;
  return more === NOW ? NOW : AbortSignal.any([signal, more]);
}

/** The next window. Waits for events until the loop ends or dead letters are to be tried. */
async function nextWindow(options: DeliverOptions, loop: Loop): Promise<Window | undefined> {
  const { cursor } = options;
  if (loop.streak.failing && !loop.interrupted.aborted) {
    const window = await windowAfter(options, loop, cursor.progress, NOW);
    if (window) return window;
    await endFailure(options, loop);
  }
  return windowAfter(options, loop, cursor.progress, loop.interrupted);
}

/** Ends a failure: what failed is no longer wanted or no longer on the log, so there is nothing left to fail. */
async function endFailure({ cursor, clock, onRecovered }: DeliverOptions, { ledger, streak }: Loop): Promise<void> {
  const recovery = streak.nothingLeft(clock.now());
  await cursor.save({ progress: streak.in(cursor.progress) });
  if (recovery) onRecovered?.(recovery, ledger.settledAhead);
}

/** Sends the wanted events of a window, each lane its shoppers' share. */
async function send(options: DeliverOptions, loop: Loop, window: Window, signal: AbortSignal): Promise<Ending[]> {
  const shares: Outbound[][] = loop.lanes.map(() => []);
  for (const one of window.wanted) shares[laneOf(one.event, shares.length)]?.push(one);
  // With several lanes, do not advance the cursor inside a window: after a crash the batches would be cut differently and get new ids.
  const onWait = (): Promise<void> =>
    loop.lanes.length === 1
      ? save(options, advanceOf(options, loop, window), loop, window.to)
      : saveFailing(options, loop);
  return Promise.all(
    loop.lanes.map((lane, number) => handOver(options, { ...lane, onWait }, shares[number] ?? [], signal)),
  );
}

/** How far a window has come: the progress over its finished beginning, with what is settled beyond it. */
function advanceOf({ cursor, senders }: DeliverOptions, loop: Loop, window: Window): Advance {
  const { seen, to, missing } = window;
  const { progress, ...rest } = loop.ledger.advance(cursor.progress, seen, to, missing, senders.length);
  const ahead = aheadOf(loop, progress.position);
  return { ...rest, progress: { ...loop.streak.in(progress), ...(ahead && { ahead }) } };
}

function aheadOf({ ledger, lanes }: Loop, position: Position): Ahead | undefined {
  const ahead = ledger.ahead(position, lanes.length);
  const fronts = lanes.map(({ search }) => search.front);
  if (fronts.every((front) => front === 0)) return ahead;
  return { ...(ahead ?? { delivered: [], dead: [], batches: [] }), fronts };
}

/** Saves how far a window has come, together with the bounds of the next one if that is there already. Gives the next one. */
async function settle(
  options: DeliverOptions,
  loop: Loop,
  window: Window,
  stuck: boolean,
): Promise<Window | undefined> {
  const result = advanceOf(options, loop, window);
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
  { progress, journal, dead }: Advance,
  { ledger, streak }: Loop,
  sending: Position | undefined,
): Promise<void> {
  const { sending: was, ...rest } = progress;
  const next: Progress = sending === undefined || sending <= progress.position ? rest : { ...rest, sending };
  const { position, ahead } = cursor.progress;
  const same = next.position === position && next.sending === was && streak.isIn(cursor.progress);
  if (same && isDeepStrictEqual(next.ahead, ahead)) return;
  await cursor.save({ progress: next, journal, dead });
  ledger.forgetPassed(next.position);
}

/** Saves the streak and what is settled ahead of the cursor, without advancing the cursor. */
async function saveFailing({ cursor }: DeliverOptions, loop: Loop): Promise<void> {
  const { ahead: was, ...progress } = cursor.progress;
  const ahead = aheadOf(loop, progress.position);
  if (loop.streak.isIn(progress) && isDeepStrictEqual(ahead, was)) return;
  await cursor.save({ progress: { ...loop.streak.in(progress), ...(ahead && { ahead }) } });
}

async function suspendUnreadable(options: DeliverOptions, unreadable: UnreadableEvents): Promise<Suspension> {
  const { newest } = await options.log.extent(options.id.shop);
  return suspend(options, suspensionFor(unreadable, newest), newest);
}

/** Suspends the pipeline at its cursor until an operator resumes it. */
async function suspend(options: DeliverOptions, reason: string, leaveOut?: Position): Promise<Suspension> {
  const { cursor, clock } = options;
  const suspension = { reason, at: clock.now(), ...(leaveOut !== undefined && { leaveOut }) };
  await cursor.save({ progress: { ...cursor.progress, suspended: suspension } });
  return suspended(options, suspension);
}

function suspended({ onSuspended }: DeliverOptions, { reason, at }: Suspension): Suspension {
  onSuspended({ reason, at });
  return { reason, at };
}
