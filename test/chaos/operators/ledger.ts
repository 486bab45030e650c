import { type Delivery, type Fault, type History, keyOf, type Order } from './history.ts';
import { CHOOSY } from './plan.ts';

/** How long after an order was answered something that was on its way may still be on its way, in milliseconds. */
export const SLACK_MS = 150;
/** How long a process that stood still may need to see what has happened meanwhile. */
const AWAKE_MS = 3_000;
/** How long after it was taken an event may be forgotten by a crash: it may be ahead of a cursor that waits for another lane. */
const UNSAVED_MS = 15_000;

/** What the receivers know, by pipeline and event. */
export interface Ledger {
  /** Every request that held the event. */
  all(key: string, id: string): readonly Delivery[];
  /** Those whose receiver has taken it. */
  taken(key: string, id: string): readonly Delivery[];
  /** The events that a pipeline's receiver has taken. */
  ids(key: string): ReadonlySet<string>;
  readonly keys: readonly string[];
}

export function ledgerOf({ deliveries }: History): Ledger {
  const by = new Map<string, Map<string, Delivery[]>>();
  for (const delivery of deliveries) {
    const key = keyOf(delivery);
    const events = by.get(key) ?? new Map<string, Delivery[]>();
    by.set(key, events);
    for (const id of delivery.ids) events.set(id, [...(events.get(id) ?? []), delivery]);
  }
  const all = (key: string, id: string) => by.get(key)?.get(id) ?? [];
  const taken = (key: string, id: string) => all(key, id).filter(isTaken);
  return {
    all,
    taken,
    ids: (key) => new Set([...(by.get(key) ?? [])].flatMap(([id, some]) => (some.some(isTaken) ? [id] : []))),
    keys: [...by.keys()],
  };
}

const isTaken = ({ answer }: Delivery): boolean => answer === 200;

/** What may make a gateway forget or not see: a crash, or a standstill, of a process that delivers. */
const blows = ({ faults }: History): readonly Fault[] =>
  faults.filter(({ kind, delivers }) => delivers && (kind === 'kill' || kind === 'pause'));

/** Whether a crash or a standstill fell into this time. */
export const wasStruck = (history: History, from: number, to: number): boolean =>
  blows(history).some((fault) => fault.from <= to && (fault.to ?? fault.from) >= from);

/** Whether a gateway must know that this was delivered: the answer was whole, and no crash came before it was surely saved. */
export const isKnown = (history: History, { answer, whole, begunAt, endedAt = begunAt }: Delivery): boolean =>
  answer === 200 && whole === true && !wasStruck(history, begunAt, endedAt + UNSAVED_MS);

/** Orders that take a pipeline from the process that moves it. */
const STOPPING = ['suspend', 'resume', 'discard', 'cancel'];
/** How long an answer that has gone out may not have been read yet. */
const READ_MS = 100;

/** Lanes of the pipeline that has the most. */
const LANES = 4;
/** Workers share the pipelines, in order, within a beat and a look. */
const SHARE_MS = 3000;

/**
 * Whether a request was under way when its pipeline was stopped in order: the answer may have gone out and not been read any more. A lane
 * has one request under way, so what others followed upon before it came `again` was read.
 */
export function wasUnderWay(history: History, delivery: Delivery, again: Delivery): boolean {
  const { shop, pipeline, begunAt, endedAt = begunAt } = delivery;
  const key = `${shop}/${pipeline}`;
  const overlaps = (from: number, to = Number.POSITIVE_INFINITY) => {
    if (from > endedAt + READ_MS || to < begunAt) return false;
    const later = history.deliveries.filter(
      (one) =>
        one.shop === shop &&
        one.pipeline === pipeline &&
        one.begunAt > endedAt &&
        one.begunAt < again.begunAt &&
        one.begunAt <= to,
    );
    // Each other lane may have begun one more before the stop, and all of them what was cut off behind it.
    return later.length < (pipeline.startsWith('hook') ? 2 * LANES - 1 : 1);
  };
  return (
    history.faults.some(
      ({ kind, delivers, from, to }) =>
        delivers &&
        ((kind === 'stop' && overlaps(from, to)) || (kind === 'start' && overlaps(from, to && to + SHARE_MS))),
    ) ||
    history.orders.some(
      ({ kind, input, begunAt: from, endedAt: to }) =>
        STOPPING.includes(kind) && `${input.shop}/${input.pipeline}` === key && overlaps(from, to),
    ) ||
    history.configured.some(
      ({ writtenAt, confirmedAt }, index) =>
        (isChanged(history, index, key.replace(/-r\d+$/, '')) && overlaps(writtenAt, confirmedAt)) ||
        (isSharedAnew(history, index) && overlaps(writtenAt, confirmedAt && confirmedAt + SHARE_MS)),
    )
  );
}

/** Whether a configuration says something else of a pipeline than the one before. */
function isChanged({ configured }: History, index: number, key: string): boolean {
  const [before, after] = [configured[index - 1], configured[index]];
  if (!before || !after) return false;
  return before.addresses[key] !== after.addresses[key] || (isChoosy(key) && before.isNarrow !== after.isNarrow);
}

/** Whether the filter may have changed between two requests: the second leaves out what is not wanted any more, so it is another batch. */
export const wasNarrowed = (history: History, key: string, { begunAt }: Delivery, again: Delivery): boolean =>
  isChoosy(key) &&
  history.configured.some(
    ({ isNarrow, writtenAt, confirmedAt = Number.POSITIVE_INFINITY }, index) =>
      history.configured[index - 1]?.isNarrow !== isNarrow && writtenAt <= again.begunAt && begunAt <= confirmedAt,
  );

/** Whether workers may have handed pipelines to each other, since there are more of them, or fewer. */
function isSharedAnew({ configured, faults }: History, index: number): boolean {
  const [before, after] = [configured[index - 1], configured[index]];
  if (!before || !after || !faults.some(({ process }) => process.startsWith('worker'))) return false;
  return Object.keys(before.addresses).join() !== Object.keys(after.addresses).join();
}

/** Whether a process had just been woken, and may have done what was in hand. */
export const wasAsleep = (history: History, at: number): boolean =>
  history.faults.some(({ kind, from, to = from }) => kind === 'pause' && from <= at && at <= to + AWAKE_MS);

/** Whether an order may have had an effect. */
export const mayHaveWorked = ({ result }: Order): boolean =>
  result === 'done' || result === 'cut' || result === undefined;

/** Whether the pipeline with a filter may leave out an event: it was narrow at some time, and this goes into the cart. */
export const mayBeFiltered = ({ configured, sent }: History, key: string, id: string): boolean => {
  const event = sent.get(id);
  const isOut = event !== undefined && (event.isCart || event.isCustom);
  return isChoosy(key) && isOut && configured.some(({ isNarrow }) => isNarrow);
};

/** Also a replay's, which has the filter of its pipeline. */
const isChoosy = (key: string): boolean => key === keyOf(CHOOSY) || key.startsWith(`${keyOf(CHOOSY)}-r`);

/** Whether some order may have let this letter go. */
export function mayBeDiscarded({ orders }: History, key: string, id: string): boolean {
  return orders.some((order) => {
    const { shop, pipeline, event_id } = order.input;
    if (order.kind !== 'discard' || !mayHaveWorked(order)) return false;
    return key === `${shop}/${pipeline}` && (event_id === undefined || event_id === id);
  });
}
