import { atLeast, atMost, exactly, type Finding, none } from '../findings.ts';
import type { LoadResult } from './load.ts';

/** Requests of a load that were acknowledged. */
export const ackedOf = ({ kinds }: LoadResult): number =>
  count(kinds.browse.statuses, 201) + count(kinds.sale.statuses, 201);

/** Requests that were acknowledged, by second. */
export const rateOf = (result: LoadResult): number => ackedOf(result) / result.seconds;

const count = (statuses: Readonly<Record<string, number>>, status: number): number => statuses[status] ?? 0;

/** Part of a kind that was answered 201. */
export function passedOf({ kinds }: LoadResult, kind: 'browse' | 'sale'): number {
  const { sent, statuses } = kinds[kind];
  return sent === 0 ? 0 : count(statuses, 201) / sent;
}

/** A peak, and what came of more than that right after it. */
export interface Round {
  readonly peak: LoadResult;
  readonly over: LoadResult;
  /** Milliseconds from its end until a request is answered as usual. */
  readonly backMs: number;
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

/** Whether so much was wanted, in requests a second, and some of it was refused. What finds no free connection waits for one, as clients do. */
export function met(result: LoadResult, wanted: number): Finding[] {
  const { browse, sale } = result.kinds;
  const refused = count(browse.statuses, 503) + count(sale.statuses, 503);
  const due = browse.sent + sale.sent + result.late;
  return [
    atLeast('MET', 'requests refused with 503', refused, 1),
    atLeast('WANTED', 'percent of the load that was to come', percent(due / result.seconds / wanted), 95),
  ];
}

export const goodput = ({ peak, over }: Pick<Round, 'peak' | 'over'>, least: number): Finding =>
  atLeast('GOODPUT', 'percent of the peak that is still acknowledged', percent(rateOf(over) / rateOf(peak)), least);

/** What is about carts goes through, and of the rest so much. */
export const worthIsKept = (result: LoadResult, refusedMost: number, browseLeast: number): Finding[] => [
  atMost('SALES', 'percent of cart requests that were refused', percent(1 - passedOf(result, 'sale')), refusedMost),
  atLeast('BROWSE', 'percent of browse requests that were taken', percent(passedOf(result, 'browse')), browseLeast),
];

export const percent = (part: number): number => Math.round(part * 10_000) / 100;
