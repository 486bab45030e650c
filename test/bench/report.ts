import { cpus } from 'node:os';
import { canPin } from '../chaos/children.ts';
import type { Drain } from './drain.ts';
import type { LoadResult } from './load.ts';
import { median, type Rates, rateOf } from './rates.ts';

/** What the figures were measured on: absolute ones mean nothing without it. */
export function machine(): string {
  const [first] = cpus();
  const pinning = canPin ? 'server on core 0, load on core 1' : 'NOT pinned: taskset or a second core is missing';
  return `${cpus().length} x ${first?.model ?? 'unknown processor'}, Node ${process.version}, ${pinning}`;
}

/** Throughput and latency as a Markdown table. The ratio is the median of the rounds' own ratios, with the lowest and the highest. */
export function ratesTable(rates: readonly Rates[]): string {
  return [
    '| events/body | ceiling req/s | gateway req/s | ratio | range | ratio by CPU time | events/s | p50 ms | p99 ms | p99 ms at half rate (ceiling) | RssAnon MB | core used |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...rates.map(ratesRow),
  ].join('\n');
}

function ratesRow({ events, ceiling, gateway, half, halfCeiling }: Rates): string {
  const middle = (pick: (result: LoadResult) => number) => median(gateway.map(pick));
  const ratios = gateway.map((ours, round) => rateOf(ours) / rateOf(ceiling[round] ?? ours)).filter(Number.isFinite);
  const byCpu = median(gateway.map(perCpuSecond)) / median(ceiling.map(perCpuSecond));
  return row([
    events,
    median(ceiling.map(rateOf)).toFixed(0),
    middle(rateOf).toFixed(0),
    `**${median(ratios).toFixed(2)}**`,
    `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`,
    byCpu.toFixed(2),
    (middle(rateOf) * events).toFixed(0),
    middle(({ p50 }) => p50).toFixed(1),
    middle(({ p99 }) => p99).toFixed(1),
    `${half.p99.toFixed(1)} (${halfCeiling.p99.toFixed(1)})`,
    Math.max(...[...gateway, half].map(({ memoryMb }) => memoryMb ?? Number.NaN)).toFixed(0),
    percent(middle(({ serverCpu }) => serverCpu ?? Number.NaN)),
  ]);
}

/** What makes figures worth nothing: failed requests, a generator at its limit, a machine that was busy with something else. */
export function doubts(rates: readonly Rates[]): string[] {
  const found = rates.flatMap(({ events, ceiling, gateway, half }) => [
    ...[...ceiling, ...gateway, half].flatMap(({ failures }) =>
      Object.entries(failures).map(([what, count]) => `${events}/body: ${count} answers failed: ${what}`),
    ),
    ...[...ceiling, ...gateway]
      .filter(({ generatorCpu }) => generatorCpu > 0.95)
      .map(
        ({ generatorCpu }) =>
          `${events}/body: the load generator was the bottleneck (${percent(generatorCpu)} of its core)`,
      ),
    ...ceiling
      .filter(({ serverCpu, generatorCpu }) => (serverCpu ?? 1) < 0.93 && generatorCpu <= 0.95)
      .map(
        ({ serverCpu }) => `${events}/body: in a round, the ceiling got only ${percent(serverCpu ?? 0)} of its core`,
      ),
  ]);
  return [...new Set(found)];
}

/** Delivery of a full log as a Markdown table. */
export function drainTable(drains: readonly Drain[]): string {
  return [
    '| pipeline | events | ingest events/s | delivery events/s | ratio | duplicates | core used |',
    '|---|---|---|---|---|---|---|',
    ...drains.map(({ pipeline, events, ingest, delivery, arrived, cpu }) =>
      row([
        pipeline,
        events,
        ingest.toFixed(0),
        delivery.toFixed(0),
        `**${(delivery / ingest).toFixed(2)}**`,
        arrived - events,
        cpu === undefined ? '' : percent(cpu),
      ]),
    ),
  ].join('\n');
}

/** Requests for each second of processor time: steady on a machine that also does other things, but blind to waiting. */
const perCpuSecond = (result: LoadResult): number => rateOf(result) / (result.serverCpu ?? Number.NaN);
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
