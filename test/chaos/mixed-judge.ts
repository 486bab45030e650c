import type { Balance, PipelineBalance } from '../../schemas/admin-api/balance.ts';
import type { PipelineReceipt, Receipt } from '../../schemas/admin-api/receipts.ts';
import { type Finding, none } from './findings.ts';
import { type MixedTarget, type Planned, targets } from './mixed-plan.ts';
import type { Arrival } from './sink.ts';
import { destinationOf } from './targets.ts';

/** Ids by destination: what the sinks wrote down. */
export interface SinkLedger {
  readonly arrived: ReadonlyMap<string, ReadonlySet<string>>;
  readonly rejected: ReadonlyMap<string, ReadonlySet<string>>;
}

export function sinkLedger(arrivals: readonly Arrival[]): SinkLedger {
  const arrived = new Map(targets.map((target) => [destinationOf(target), new Set<string>()]));
  const rejected = new Map(targets.map((target) => [destinationOf(target), new Set<string>()]));
  for (const arrival of arrivals) {
    if ('id' in arrival) arrived.get(arrival.destination)?.add(arrival.id);
    else if ('rejected' in arrival) rejected.get(arrival.destination)?.add(arrival.rejected);
  }
  return { arrived, rejected };
}

/** `unwanted` came to a destination although the filter says no; `nowhere` did not come although nothing kept it. */
type Fate = 'delivered' | 'dead' | 'filtered' | 'unwanted' | 'nowhere';

/** What the sinks know of an event at one destination: taken, rejected and not taken, or neither because the filter says so. */
function fateOf({ arrived, rejected }: SinkLedger, target: MixedTarget, event: Planned): Fate {
  const destination = destinationOf(target);
  const unwanted = target.filters(event) !== undefined;
  if (arrived.get(destination)?.has(event.id)) return unwanted ? 'unwanted' : 'delivered';
  if (rejected.get(destination)?.has(event.id)) return unwanted ? 'unwanted' : 'dead';
  return unwanted ? 'filtered' : 'nowhere';
}

/** What is wrong with the receipts of an event; nothing, if they say what the sinks say. Pure. */
export function complaints(event: Planned, receipts: readonly Receipt[], sinks: SinkLedger): string[] {
  const complain = (words: string) => [`${event.id}: ${words}`];
  const foreign = receipts.find(({ shop, event_id }) => shop !== event.shop || event_id !== event.id);
  if (foreign) return complain(`a receipt of ${foreign.event_id} in ${foreign.shop}`);
  if (event.refused !== undefined) {
    // Once more for each time that it was sent, so there may be several.
    const good = receipts.length > 0 && receipts.every(({ state, reasons }) => state === 'quarantined' && reasons?.[0]);
    return good
      ? []
      : complain(`refused, and the receipts say ${receipts.map(({ state }) => state).join() || 'nothing'}`);
  }
  const [receipt] = receipts;
  if (receipts.length !== 1 || receipt?.state !== 'stored' || receipt.type !== event.type)
    return complain(`expected one receipt of a stored ${event.type}, got ${JSON.stringify(receipts)}`);
  const own = targets.filter(({ shop }) => shop === event.shop);
  const pipelines = receipt.pipelines ?? [];
  if (pipelines.length !== own.length) return complain(`a receipt with ${pipelines.length} pipelines`);
  return own.flatMap((target) => {
    const said = pipelines.find(({ pipeline }) => pipeline === target.pipeline);
    const fate = fateOf(sinks, target, event);
    return said && agrees(said, fate, target.filters(event))
      ? []
      : complain(`${fate} by the ledger of ${target.pipeline}, the receipt says ${JSON.stringify(said)}`);
  });
}

function agrees(said: PipelineReceipt, fate: Fate, filter: string | undefined): boolean {
  if (said.state !== fate) return false;
  if (said.state === 'filtered') return said.reason === filter;
  return said.state !== 'dead' || said.reason.startsWith('HTTP 422');
}

/** Whether the gateway's books of the pipelines are those of the sinks. */
export function pipelinesBalance(events: readonly Planned[], balance: Balance, sinks: SinkLedger): Finding {
  const wrong = targets.flatMap((target) => {
    const books = balance.pipelines.find(({ shop, pipeline }) => shop === target.shop && pipeline === target.pipeline);
    const expected = expectedOf(events, target, sinks);
    const is = books && pick(books);
    return JSON.stringify(is) === JSON.stringify(expected)
      ? []
      : [`${destinationOf(target)}: ${JSON.stringify(is)}, expected ${JSON.stringify(expected)}`];
  });
  const unbalanced = balance.balanced ? [] : ['the gateway itself says that its books do not balance'];
  return none('PIPELINES', 'counts of a pipeline other than what its sink wrote down', [...wrong, ...unbalanced]);
}

const pick = ({ appended, delivered, dead, filtered, dropped, pending, difference }: PipelineBalance) => ({
  appended,
  delivered,
  dead,
  filtered: sorted(filtered),
  dropped,
  pending,
  difference,
});

function expectedOf(events: readonly Planned[], target: MixedTarget, sinks: SinkLedger): ReturnType<typeof pick> {
  const stored = events.filter(({ shop, refused }) => shop === target.shop && refused === undefined);
  const fates = { delivered: 0, dead: 0, unwanted: 0, nowhere: 0 };
  const filtered: Record<string, number> = {};
  for (const event of stored) {
    const fate = fateOf(sinks, target, event);
    if (fate !== 'filtered') fates[fate] += 1;
    else filtered[String(target.filters(event))] = (filtered[String(target.filters(event))] ?? 0) + 1;
  }
  const { delivered, dead, nowhere: pending } = fates;
  return { appended: stored.length, delivered, dead, filtered: sorted(filtered), dropped: {}, pending, difference: 0 };
}

const sorted = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
