import { type Finding, none } from '../findings.ts';
import { type Configured, type Delivery, type Final, type History, keyOf } from './history.ts';
import { balance, counts, receipts } from './judge-books.ts';
import { cancelled, discarded, quarantined, redriven, replayed, suspended } from './judge-orders.ts';
import {
  type Ledger,
  ledgerOf,
  mayBeDiscarded,
  mayBeFiltered,
  SLACK_MS,
  wasAsleep,
  wasNarrowed,
  wasStruck,
  wasUnderWay,
} from './ledger.ts';
import { PIPELINES, RENAMED } from './plan.ts';

/** Whether all that was promised was kept. Pure: the same history gives the same findings. */
export function judge(history: History, final: Final): Finding[] {
  const ledger = ledgerOf(history);
  return [
    none(
      'LOST',
      'acknowledged or let out of quarantine, not discarded, and never taken by a destination',
      lost(history, ledger, final),
    ),
    none('PHANTOM', 'came to a destination and was never sent, or not to this shop', phantoms(history)),
    ...repeats(history, ledger),
    none('STALE', 'sent to an address that the configuration in force does not have', stale(history)),
    none('SUSPENDED', 'sent by a pipeline whose suspension was confirmed', suspended(history)),
    none(
      'DISCARDED',
      'sent after its discard was confirmed, or back among the living',
      discarded(history, ledger, final),
    ),
    none('CANCELLED', 'sent by a replay whose cancellation was confirmed', cancelled(history)),
    none('REDRIVEN', 'handed over once more, and never tried', redriven(history, ledger, final)),
    none(
      'REPLAYS',
      'replays that are missing, made up, without end, or counted wrong',
      replayed(history, ledger, final),
    ),
    none(
      'QUARANTINE',
      'refused events that are neither on the log nor discarded, or counted twice',
      quarantined(history, final),
    ),
    none('BALANCE', 'books that do not balance', balance(history, final)),
    none('COUNTS', 'pipelines whose counts are not those of their receivers', counts(history, ledger, final)),
    none('RECEIPTS', 'receipts that say something else than the receivers', receipts(history, ledger, final)),
    none('FOLLOWED', 'configurations that some process did not follow in time', unfollowed(history)),
    none('STOPS', 'orderly stops that were none', stops(history)),
  ];
}

function lost(history: History, ledger: Ledger, { receipts: all }: Final): string[] {
  const began = firstConfirmed(history, keyOf(RENAMED));
  return PIPELINES.flatMap((ref) => {
    const key = keyOf(ref);
    const taken = ledger.ids(key);
    return [...history.sent.values()].flatMap(({ id, shop, isCustom, at, ackedAt }) => {
      if (shop !== ref.shop || ackedAt === undefined || taken.has(id)) return [];
      if (key === keyOf(RENAMED) && (isCustom || at < began)) return [];
      const receipt = all.get(`${shop}#${id}`)?.find(({ state }) => state === 'stored');
      if (isCustom && receipt === undefined) return [];
      const standing = receipt?.pipelines?.find(({ pipeline }) => pipeline === ref.pipeline);
      if (standing?.state === 'dropped' && mayBeDiscarded(history, key, id)) return [];
      if (standing?.state === 'filtered' && mayBeFiltered(history, key, id)) return [];
      return [`${id} at ${key}, whose receipt says ${JSON.stringify(standing ?? receipt?.state ?? 'nothing')}`];
    });
  });
}

/** When a pipeline was first surely there. */
const firstConfirmed = ({ configured }: History, key: string): number =>
  configured.find(({ addresses, confirmedAt }) => confirmedAt !== undefined && key in addresses)?.confirmedAt ??
  Number.POSITIVE_INFINITY;

const phantoms = ({ deliveries, sent }: History): string[] =>
  deliveries.flatMap(({ ids, shop, address, number }) =>
    ids.flatMap((id) => {
      const event = sent.get(id);
      const isRight = event?.shop === shop && address.startsWith(`/${shop}/`);
      return isRight ? [] : [`${id} at ${address} in request ${number}`];
    }),
  );

/** What a receiver has taken twice, although nothing was struck meanwhile. */
function repeats(history: History, ledger: Ledger): Finding[] {
  const again: string[] = [];
  const renamed: string[] = [];
  for (const key of ledger.keys)
    for (const id of ledger.ids(key)) {
      const taken = ledger.taken(key, id);
      for (const [i, later] of taken.slice(1).entries()) {
        const earlier = taken[i] as Delivery;
        if (wasStruck(history, earlier.begunAt, later.begunAt)) continue;
        const words = `${id} at ${key}, requests ${earlier.number} and ${later.number}`;
        // When it was sent again for the first time, whatever came of that.
        const all = ledger.all(key, id);
        const next = all[all.indexOf(earlier) + 1] ?? later;
        if (earlier.whole && !wasUnderWay(history, earlier, next))
          again.push(`${words}; the first was answered ${ms(later.begunAt - (earlier.endedAt ?? 0))} before`);
        // Cut by an orderly stop, a suspension or a reload: it must be recognised when it is sent next.
        else if (!wasNarrowed(history, key, earlier, next) && isRenamed(ledger.all(key, id), earlier))
          renamed.push(`${words}, ${earlier.webhookId} and ${later.webhookId}`);
      }
    }
  return [
    none(
      'REPEATED',
      'sent again although the answer of 200 was whole and nothing crashed, stood still or was stopped meanwhile',
      again,
    ),
    none('RENAMED', 'cut off in order, and sent again under another webhook-id', renamed),
  ];
}

/**
 * Whether what was cut off was sent next under another id. A part of a batch that was split to find out what chokes its destination is not
 * known as such afterwards.
 */
function isRenamed(all: readonly Delivery[], cut: Delivery): boolean {
  const at = all.indexOf(cut);
  const next = all[at + 1];
  const wasSplit = all.slice(0, at).some(({ ids }) => ids.length > cut.ids.length);
  return next !== undefined && next.webhookId !== cut.webhookId && !wasSplit;
}

/** An address may be used from when it was written until another configuration is surely followed. */
function stale(history: History): string[] {
  const { configured, deliveries } = history;
  return deliveries.flatMap(({ address, begunAt, pipeline, number }) => {
    const may = configured.some(
      (one, index) =>
        Object.values(one.addresses).includes(address) &&
        one.writtenAt <= begunAt &&
        begunAt <= replacedAt(configured, index) + SLACK_MS,
    );
    return may || wasAsleep(history, begunAt) ? [] : [`${pipeline} to ${address} in request ${number}`];
  });
}

const replacedAt = (all: readonly Configured[], index: number): number =>
  all.slice(index + 1).find(({ confirmedAt }) => confirmedAt !== undefined)?.confirmedAt ?? Number.POSITIVE_INFINITY;

const unfollowed = ({ orders }: History): string[] =>
  orders.flatMap(({ kind, result, input, answer }) =>
    kind === 'reload' && result === 'cut' ? [`${JSON.stringify(input)}: ${answer?.why}`] : [],
  );

const STOP_MS = 25_000;

const stops = ({ faults }: History): string[] =>
  faults.flatMap(({ kind, process, from, to = from, exit }) => {
    if (kind !== 'stop') return [];
    return exit === 0 && to - from <= STOP_MS ? [] : [`${process} ended with ${exit} after ${ms(to - from)}`];
  });

const ms = (value: number): string => `${Math.round(value)} ms`;
