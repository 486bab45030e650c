import { AggregatorRegistry } from 'prom-client';
import type { Collected } from './metrics.ts';

/** Adds up the metrics of several processes, so that any one of them can answer for all. */
export interface MetricsSum {
  /** Replaces a process's last known metrics. */
  update(process: number, metrics: Collected): void;
  /** A process has ended. Its counters stay in the sum, since a counter must not go back; its gauges leave it. */
  ended(process: number): void;
  /** Prometheus text. */
  render(own: Collected): Promise<string>;
}

export function createMetricsSum(): MetricsSum {
  const latest = new Map<number, Collected>();
  let past: Collected = [];
  return {
    update: (process, metrics) => void latest.set(process, metrics),
    ended: (process) => {
      const last = latest.get(process);
      latest.delete(process);
      if (last) past = [...past, ...last.filter(isCount)];
    },
    render: async (own) => {
      past = await sumOf([past]).getMetricsAsJSON();
      return sumOf([own, past, ...latest.values()]).metrics();
    },
  };
}

const isCount = ({ type }: Collected[number]): boolean => ['counter', 'histogram'].includes(String(type));

const sumOf = (all: readonly Collected[]) => AggregatorRegistry.aggregate(all as Collected[]);
