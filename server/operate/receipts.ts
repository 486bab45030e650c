import { iso } from '../../adapters/dialects/timestamp.ts';
import { type Position, type Stored, UnreadableEvents } from '../../adapters/logs/log.ts';
import type { Ahead, DeadLetter, JournalLine, PipelineId, QuarantinedHead } from '../../adapters/logs/state.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { PipelineReceipt, Receipt } from '../../schemas/admin-api/receipts.ts';
import type { Event } from '../../schemas/event.ts';
import type { PipelineStatus } from '../deliver/pipelines.ts';
import { laneOf, reasonInFull, router } from '../deliver/route.ts';
import { standingOf } from '../deliver/standing.ts';
import { covers } from '../deliver/stretches.ts';
import { quarantinedHeadView } from './kept-views.ts';

/** What is known of an event that is stored under this id, if one is. */
export async function storedReceipt(
  store: Store,
  shop: string,
  eventId: string,
  statuses: readonly PipelineStatus[],
  now: number,
): Promise<Receipt | undefined> {
  try {
    const stored = await store.log.find(shop, eventId);
    return stored && (await receiptOf(store, stored, statuses, now));
  } catch (error) {
    if (!(error instanceof UnreadableEvents)) throw error;
    const { from: position, dialect, receivedAt } = error.stretch;
    return {
      event_id: eventId,
      shop,
      state: 'stored',
      received_at: iso(receivedAt),
      dialect,
      position,
      reasons: [error.message],
    };
  }
}

/** What is known of a stored event. Computed from positions, journal and rules: nothing is stored per event. */
export async function receiptOf(
  { log, state }: Store,
  stored: Stored,
  statuses: readonly PipelineStatus[],
  now: number,
): Promise<Receipt> {
  const { position, event } = stored;
  // A pipeline that left has nothing to do with what came after.
  const here = statuses.filter(
    (one) => one.id.shop === event.shop && (one.state !== 'orphaned' || position <= one.newest),
  );
  const { oldest } = await log.extent(event.shop);
  return {
    event_id: event.event_id,
    shop: event.shop,
    state: 'stored',
    received_at: event.received_at,
    dialect: event.dialect,
    type: event.event_type,
    position,
    id_source: event.id_source,
    trust: event.trust,
    enrichment: enrichmentOf(event),
    pipelines: await Promise.all(here.map((pipeline) => pipelineReceipt(state, stored, pipeline, { oldest, now }))),
  };
}

/** What is known of a quarantined event. */
export function quarantineReceipt(head: QuarantinedHead): Receipt {
  const { event_id = '', shop, at, dialect, name, id, reasons } = quarantinedHeadView(head);
  return {
    event_id,
    shop,
    state: 'quarantined',
    received_at: at,
    dialect,
    ...(name !== undefined && { type: name }),
    quarantine_id: id,
    reasons,
  };
}

const ENRICHED = [
  'shopping_channel',
  'geo_country',
  'geo_state',
  'geo_city',
  'device_type',
  'browser',
  'os',
  'is_bot',
] as const;

function enrichmentOf(event: Event): Record<string, string | boolean> {
  const found: Record<string, string | boolean> = {};
  for (const name of ENRICHED) {
    const value = event[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}

async function pipelineReceipt(
  state: Store['state'],
  { position, event }: Stored,
  statuses: PipelineStatus,
  { oldest, now }: { readonly oldest: Position; readonly now: number },
): Promise<PipelineReceipt> {
  const { id, progress } = statuses;
  const { pipeline } = id;
  if (position <= progress.start) return { pipeline, state: 'before', starts_after: progress.start };
  const ahead = position > progress.position ? aheadReceipt(pipeline, progress.ahead, position, event) : undefined;
  if (ahead) return ahead;
  const filtered = await filteredBy(state, id, position, event);
  if (position > progress.position) {
    if (filtered) return { pipeline, state: 'filtered', reason: filtered };
    const behind = position - progress.position - 1;
    return { pipeline, state: 'pending', behind, standing: standingOf(statuses, now) };
  }
  const letter = await state.deadAt(id, position);
  if (letter?.ended?.kind === 'delivered') {
    const { at, attempts, status } = letter.ended;
    return { pipeline, state: 'delivered', at: iso(at), attempts, status };
  }
  if (letter?.ended) {
    const { kind, at } = letter.ended;
    return { pipeline, state: 'dropped', reason: `${ENDED[kind]} at ${iso(at)}: ${letter.reason}` };
  }
  if (letter) {
    const { at, attempts, reason, redrive = false, leftOut } = letter;
    const unwanted = leftOut && ` (not sent again at ${iso(leftOut.at)}, since the filter says: ${leftOut.reason})`;
    return { pipeline, state: 'dead', at: iso(at), attempts, reason: reason + (unwanted ?? ''), redriving: redrive };
  }
  const line = await state.journalAt(id, position);
  const isEarly = covers(line?.early ?? [], position);
  if (filtered && !isEarly) return { pipeline, state: 'filtered', reason: filtered };
  if (line?.discardedAt !== undefined && !isEarly)
    return {
      pipeline,
      state: 'dropped',
      reason: `discarded at ${iso(line.discardedAt)}: its pipeline was not configured`,
    };
  const batch = line && batchOf(line, position, event);
  if (batch) return { pipeline, state: 'delivered', at: iso(batch.at), attempts: batch.attempts, status: batch.status };
  // No line about an event that is kept means that it could not be read when the pipeline came by.
  return line === undefined && position >= oldest
    ? { pipeline, state: 'dropped', reason: 'unreadable' }
    : { pipeline, state: 'delivered' };
}

const ENDED: Readonly<Record<NonNullable<DeadLetter['ended']>['kind'], string>> = {
  delivered: 'delivered',
  discarded: 'discarded',
  count: 'let go by DEAD_LETTERS_MAX_PER_PIPELINE',
  age: 'let go by DEAD_LETTER_DAYS',
};

/** What was settled already where the cursor has yet to come to. */
function aheadReceipt(
  pipeline: string,
  ahead: Ahead | undefined,
  position: Position,
  event: Event,
): PipelineReceipt | undefined {
  if (ahead === undefined) return undefined;
  const letter = ahead.dead.find((one) => one.position === position);
  if (letter) {
    const { at, attempts, reason } = letter;
    return { pipeline, state: 'dead', at: iso(at), attempts, reason, redriving: false };
  }
  if (!covers(ahead.delivered, position)) return undefined;
  const batch = batchOf({ from: 0, to: 0, lanes: 1, batches: ahead.batches }, position, event);
  return {
    pipeline,
    state: 'delivered',
    ...(batch && { at: iso(batch.at), attempts: batch.attempts, status: batch.status }),
  };
}

async function filteredBy(
  state: Store['state'],
  id: PipelineId,
  position: Position,
  event: Event,
): Promise<string | undefined> {
  const rule = await state.ruleAt(id, position);
  if (rule === undefined) return undefined;
  const { events, channels, trust, consent, whenUnknown } = rule;
  const filter = {
    events: [...events],
    consent: [...consent],
    whenUnknown,
    ...(channels && { channels: [...channels] }),
    ...(trust && { trust }),
  };
  const reason = router(filter)(event);
  return reason && reasonInFull(reason, event, filter);
}

/** The batch that settled a position: the last one that covers it in the lane of its shopper. */
function batchOf({ lanes, batches }: JournalLine, position: Position, event: Event) {
  return batches.findLast(
    (batch) => batch.lane === laneOf(event, batch.lanes ?? lanes) && batch.first <= position && batch.last >= position,
  );
}
