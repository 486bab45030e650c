import { iso } from '../../adapters/dialects/timestamp.ts';
import { type Stored, UnreadableEvents } from '../../adapters/logs/log.ts';
import type { QuarantinedHead } from '../../adapters/logs/state/quarantine.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { Receipt } from '../../schemas/admin-api/receipts.ts';
import type { Event } from '../../schemas/event.ts';
import type { PipelineStatus } from '../deliver/pipelines.ts';
import { quarantinedHeadView } from './kept-views.ts';
import type { OperatorTools } from './operator.ts';
import { pipelineReceipt } from './pipeline-receipt.ts';
import { quarantinedAbout } from './quarantine.ts';
import { shopNames } from './shops-and-times.ts';

/** Most receipts of refused events with one id: more would only repeat. */
const MOST_REFUSED = 100;

/** What happened to an event, in every shop that has seen its id or in one shop; quarantined ones included. */
export async function receiptsOf(tools: OperatorTools, eventId: string, only: string | undefined): Promise<Receipt[]> {
  const { store, pipelines, clock } = tools;
  const statuses = await pipelines.allStatuses();
  const now = clock.now();
  const all: Receipt[] = [];
  let refusals = 0;
  for (const shop of await shopNames(tools, only)) {
    const receipt = await storedReceipt(store, shop, eventId, statuses, now);
    if (receipt) all.push(receipt);
    const refused = await quarantinedAbout(tools, shop, eventId, MOST_REFUSED - refusals);
    refusals += refused.length;
    all.push(...refused.map(quarantineReceipt));
  }
  return all;
}

/** The receipt of the event that is stored under this id, if there is one. `now`: milliseconds since 1970. */
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

/** The receipt of a stored event. `now`: milliseconds since 1970. */
export async function receiptOf(
  { log, state }: Store,
  stored: Stored,
  statuses: readonly PipelineStatus[],
  now: number,
): Promise<Receipt> {
  const { position, event } = stored;
  // A pipeline that left the configuration gets none of the later events.
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

/** The receipt of a quarantined event. */
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
