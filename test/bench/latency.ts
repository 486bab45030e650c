import type { Gateway } from '../chaos/gateway.ts';
import { until } from '../support/until.ts';
import { type Fresh, pendingOf, type Sinks, startFresh, startSinks } from './instruments.ts';
import type { Arrivals } from './lag-sinks.ts';
import { startBenchGateway, token, withFolder } from './subjects.ts';

export interface LatencyOptions {
  readonly entry: string;
  /** Single events a second. */
  readonly rates: readonly number[];
  readonly seconds: number;
}

/** Of single events at a steady rate: how long until the answer, which is when they are durable, and until they arrive at a webhook. */
export interface Latency {
  readonly rate: number;
  readonly events: number;
  readonly answer: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly arrival: Arrivals['lag'];
  readonly doubts: readonly string[];
}

const warmUpSeconds = 3;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

interface Bench {
  readonly gateway: Gateway;
  readonly fresh: Fresh;
  readonly sinks: Sinks;
}

export function measureLatencies(options: LatencyOptions, tell: (line: string) => void): Promise<Latency[]> {
  return withFolder(async (folder) => {
    const sinks = await startSinks(1);
    const destination = { type: 'webhook', url: sinks.urls[0], secret, allowPrivateNetworks: true };
    const gateway = await startBenchGateway({ entry: options.entry, folder, pipelines: [{ id: 'hook', destination }] });
    const bench: Bench = { gateway, sinks, fresh: await startFresh(gateway.port, token) };
    const found: Latency[] = [];
    for (const rate of options.rates) {
      await at(bench, rate, warmUpSeconds);
      const latency = await at(bench, rate, options.seconds);
      tell(`${rate}/s: answer p95 ${latency.answer.p95} ms, arrival p95 ${latency.arrival.p95} ms`);
      found.push(latency);
    }
    await Promise.all([bench.fresh.end(), gateway.stop()]);
    await sinks.stop();
    return found;
  });
}

async function at({ gateway, fresh, sinks }: Bench, rate: number, seconds: number): Promise<Latency> {
  await sinks.look();
  await fresh.start(rate, 'product_view');
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { accepted, answerP50: p50, answerP95: p95, answerP99: p99, failures } = await fresh.stop();
  await until(async () => (await pendingOf(gateway.port)).hook === 0, 60_000);
  const { lag, events } = await sinks.look();
  const doubts = Object.entries(failures).map(([why, count]) => `${rate}/s: ${count} events were not accepted: ${why}`);
  if (events !== accepted) doubts.push(`${rate}/s: expected ${accepted} events to arrive, got ${events}`);
  return { rate, events, answer: { p50, p95, p99 }, arrival: lag, doubts };
}

/** As a Markdown table, in milliseconds. */
export function latencyTable(latencies: readonly Latency[]): string {
  return [
    '| events/s | answer p50 ms | p95 | p99 | arrival p50 ms | p95 | p99 |',
    '|---|---|---|---|---|---|---|',
    ...latencies.map(({ rate, answer, arrival }) => {
      const cells = [
        answer.p50,
        `**${answer.p95.toFixed(1)}**`,
        answer.p99,
        arrival.p50,
        `**${arrival.p95.toFixed(1)}**`,
        arrival.p99,
      ];
      return `| ${[rate, ...cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(1) : cell))].join(' | ')} |`;
    }),
  ].join('\n');
}
