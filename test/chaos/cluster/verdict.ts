import type { Balance } from '../../../schemas/admin-api/balance.ts';
import type { Arrived } from '../audit.ts';
import { booksAgree } from '../database/books.ts';
import { atLeast, atMost, type Finding, none } from '../findings.ts';
import type { Target } from '../targets.ts';
import { type Gone, handovers, type Move, type Passage, quarrels, takeovers, unexplained } from './moves.ts';

const takeoverSeconds = 10;
/** As long: who asked for it may be gone, and it is kept for him a while. */
const handoverSeconds = 10;

/** Whether each pipeline was moved by one process at a time, and taken over soon from those that are gone. */
export function moved(moves: readonly Move[], gone: readonly Gone[]): Finding[] {
  const { passages, lapsed, stranded } = takeovers(moves, gone);
  const saves = moves.filter(({ kind }) => kind === 'saved').length;
  return [
    none(
      'MOVERS',
      `of ${saves} saves and ${moves.length - saves} claims and releases, by another than the one holder`,
      quarrels(moves),
    ),
    none('LAPSED', 'leases that ran out although their holder was there', lapsed),
    none('STRANDED', 'pipelines of those that are gone, which nobody took over', stranded),
    slowest(
      'TAKEOVER',
      'seconds from when a holder was gone to the first event that another had finished',
      passages,
      takeoverSeconds,
    ),
    slowest('HANDOVER', 'seconds from the release of a pipeline to its next claim', handovers(moves), handoverSeconds),
  ];
}

function slowest(name: string, meaning: string, passages: readonly Passage[], limit: number): Finding {
  const sorted = passages.toSorted((a, b) => b.seconds - a.seconds);
  const words = sorted.map(
    ({ pipeline, from, to, seconds }) => `${seconds.toFixed(2)} s: ${pipeline}, ${from} to ${to}`,
  );
  const longest = atMost(name, `${meaning}, the longest of ${passages.length}`, sorted[0]?.seconds ?? 0, limit);
  return { ...longest, examples: words.slice(0, 1) };
}

/** Whether everything that came again came after the pipeline had changed hands. */
export function repeats(received: readonly Arrived[], moves: readonly Move[]): Finding {
  const { repeats: count, wrong } = unexplained(received, moves);
  return none(
    'UNEXPLAINED',
    `of ${count} repeats, without a new claim of the pipeline between the two arrivals`,
    wrong,
  );
}

/** Whether the books of the gateway, which all its web processes must tell alike, are those of the sinks. */
export function books(
  balances: readonly Balance[],
  received: readonly Arrived[],
  targets: readonly Pick<Target, 'shop' | 'pipeline'>[],
): Finding[] {
  const [balance] = balances;
  if (balance === undefined) return [atLeast('BALANCE', 'web processes that tell the books', 0, 1)];
  const [first, ...others] = balances.map((one) => JSON.stringify(one));
  return [
    booksAgree(balance, received, targets),
    none(
      'AGREE',
      `of ${balances.length} web processes, that tell other books`,
      others.filter((one) => one !== first),
    ),
  ];
}
