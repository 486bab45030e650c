import type { Isolation, Round } from './isolation.ts';
import { median } from './rates.ts';

/** Lag of the two well destinations as a Markdown table; each figure is the median of the rounds, each ratio that of the rounds' own. */
export function isolationTable(isolations: readonly Isolation[]): string {
  return [
    '| the third | p50 ms alone | beside | p99 ms alone | beside | p99 ratio | range | answers p99 ms alone | beside | longest ms | core used alone | beside | requests/s to it | shortest gap ms | memory kept MB alone | beside | grew by |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...isolations.map(({ third, rounds }) => rowOf(third, rounds)),
  ].join('\n');
}

function rowOf(third: string, rounds: readonly Round[]): string {
  const middle = (pick: (round: Round) => number) => median(rounds.map(pick));
  const ratios = rounds.map(({ alone, beside }) => beside.lag.p99 / alone.lag.p99);
  const gaps = rounds.flatMap(({ beside }) => beside.third.shortestGapMs ?? []);
  const cells = [
    third,
    ms(middle(({ alone }) => alone.lag.p50)),
    ms(middle(({ beside }) => beside.lag.p50)),
    ms(middle(({ alone }) => alone.lag.p99)),
    ms(middle(({ beside }) => beside.lag.p99)),
    `**${median(ratios).toFixed(2)}**`,
    `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`,
    ms(middle(({ alone }) => alone.answerP99)),
    ms(middle(({ beside }) => beside.answerP99)),
    ms(Math.max(...rounds.map(({ beside }) => beside.lag.longest))),
    percent(middle(({ alone }) => alone.cpu ?? Number.NaN)),
    percent(middle(({ beside }) => beside.cpu ?? Number.NaN)),
    middle(({ beside }) => beside.third.requests / beside.seconds).toFixed(2),
    gaps.length > 0 ? Math.min(...gaps).toFixed(0) : '',
    middle(({ alone }) => alone.memory.kept).toFixed(0),
    middle(({ beside }) => beside.memory.kept).toFixed(0),
    middle(({ alone, beside }) => beside.memory.kept - alone.memory.kept).toFixed(0),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** What was promised of isolation and not kept, and what makes figures worth nothing; each as a sentence. */
export function isolationDoubts(isolations: readonly Isolation[]): string[] {
  const found = isolations.flatMap(({ third, sick, rounds }) => [
    ...rounds.flatMap(({ alone, beside }) => [...alone.doubts, ...beside.doubts]).map((doubt) => `${third}: ${doubt}`),
    ...rounds
      .filter(({ beside }) => sick && (beside.third.shortestGapMs ?? 1000) < 990)
      .map(
        ({ beside }) =>
          `${third}: expected at least 1 s between two requests to a sick destination, got ${beside.third.shortestGapMs?.toFixed(0)} ms`,
      ),
  ]);
  return [...new Set(found)];
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
const ms = (value: number): string => value.toFixed(1);
