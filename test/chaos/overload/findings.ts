import { atLeast, atMost, exactly, type Finding, none } from '../findings.ts';
import type { LoadResult, Tally } from './load.ts';

/** Requests of a load that were acknowledged. */
export const ackedOf = ({ kinds }: LoadResult): number =>
  count(kinds.browse.statuses, 201) + count(kinds.sale.statuses, 201);

/**
 * Requests that were acknowledged, by second. Those that are on their way when the last is sent are acknowledged too, so the time until
 * then counts: the more clients there are, the more of it.
 */
export const rateOf = (result: LoadResult): number => ackedOf(result) / result.ackedSeconds;

const count = (statuses: Readonly<Record<string, number>>, status: number): number => statuses[status] ?? 0;

/** Several loads as one. The percentiles are the worst of them. */
export function together(results: readonly [LoadResult, ...LoadResult[]]): LoadResult {
  return results.reduce((all, { kinds, ...more }) => ({
    kinds: { browse: added(all.kinds.browse, kinds.browse), sale: added(all.kinds.sale, kinds.sale) },
    seconds: all.seconds + more.seconds,
    ackedSeconds: all.ackedSeconds + more.ackedSeconds,
    untold: all.untold + more.untold,
    broken: all.broken + more.broken,
    unanswered: all.unanswered + more.unanswered,
    late: all.late + more.late,
    cpu: Math.max(all.cpu, more.cpu),
  }));
}

function added(one: Tally, other: Tally): Tally {
  const statuses = { ...one.statuses };
  for (const [status, number] of Object.entries(other.statuses))
    statuses[status] = count(statuses, Number(status)) + number;
  const worst = (part: 'p50' | 'p99' | 'worst') => Math.max(one[part], other[part]);
  return { sent: one.sent + other.sent, statuses, p50: worst('p50'), p99: worst('p99'), worst: worst('worst') };
}

/** Part of a kind that was answered 201. */
export function passedOf({ kinds }: LoadResult, kind: 'browse' | 'sale'): number {
  const { sent, statuses } = kinds[kind];
  return sent === 0 ? 0 : count(statuses, 201) / sent;
}

/** Answers that nobody may get, neither taken nor told to come again; and requests that get none. */
export function answersAre(results: readonly LoadResult[]): Finding[] {
  const strange = results.flatMap(({ kinds }) =>
    [kinds.browse, kinds.sale].flatMap(({ statuses }) =>
      Object.entries(statuses)
        .filter(([status]) => !['201', '429', '503'].includes(status))
        .map(([status, number]) => `${status} x ${number}`),
    ),
  );
  const sum = (part: 'untold' | 'broken' | 'unanswered') => results.reduce((total, result) => total + result[part], 0);
  return [
    none('ANSWERS', 'answers other than 201, 429 and 503', strange),
    exactly('RETRY-AFTER', 'answers 429 and 503 without Retry-After', sum('untold'), 0),
    exactly('BROKEN', 'connections that the gateway ended', sum('broken'), 0),
    exactly('UNANSWERED', 'requests without an answer 20 s after the last was sent', sum('unanswered'), 0),
  ];
}

/** Fewer refusals say nothing of whom they meet. */
const LEAST_REFUSED = 100;
/** A load of which less was even sent has met a gateway that stands still. What is wanted says that it was more than the peak. */
const LEAST_SENT_PERCENT = 90;

/**
 * Whether this multiple of the peak was wanted, and some of it was refused. What finds no free connection waits for one, as clients do: who is
 * not answered sends nothing more, so less is sent than wanted.
 */
export function met(over: LoadResult, peak: LoadResult, times: number): Finding[] {
  const { browse, sale } = over.kinds;
  const part = (requests: number) => percent(requests / over.seconds / rateOf(peak));
  const sent = browse.sent + sale.sent;
  return [
    atLeast('MET', 'requests refused with 503', refusedOf(browse) + refusedOf(sale), LEAST_REFUSED),
    atLeast('WANTED', 'percent of the peak', part(sent + over.late), times * 95),
    atLeast('SENT', 'percent of the peak: the rest waited for a free connection', part(sent), LEAST_SENT_PERCENT),
  ];
}

const refusedOf = ({ statuses }: Tally): number => count(statuses, 503);

/** Loads of which a larger part of what is about carts was refused than of the rest. */
export function worth(loads: readonly LoadResult[]): Finding {
  const parts = loads.map(({ kinds }) =>
    [kinds.sale, kinds.browse].map((tally) => refusedOf(tally) / (tally.sent || 1)),
  );
  const wrong = parts.filter(([sale = 0, browse = 0]) => sale > browse);
  return none(
    'WORTH',
    'loads in which carts were refused before the rest',
    wrong.map((part) => part.map(percent).join(' % and ')),
  );
}

export const goodput = (peak: LoadResult, over: LoadResult, least: number): Finding =>
  atLeast('GOODPUT', 'percent of the peak that is still acknowledged', percent(rateOf(over) / rateOf(peak)), least);

/** What is about carts goes through, and of the rest so much. */
export const worthIsKept = (result: LoadResult, refusedMost: number, browseLeast: number): Finding[] => [
  atMost('SALES', 'percent of cart requests that were refused', percent(1 - passedOf(result, 'sale')), refusedMost),
  atLeast('BROWSE', 'percent of browse requests that were taken', percent(passedOf(result, 'browse')), browseLeast),
];

export const percent = (part: number): number => Math.round(part * 10_000) / 100;
