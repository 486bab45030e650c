import { AggregatorRegistry } from 'prom-client';
import type { Collected } from './metrics.ts';

/** What several processes count, added up: for whoever asks any one of them. */
export interface MetricsSum {
  /** Keeps what a process says of itself, in the place of what it said before. */
  said(process: number, metrics: Collected): void;
  /** What an ended process had counted goes on counting, or a counter would go back; what it used, it uses no more. */
  ended(process: number): void;
  /** Prometheus text. */
  render(own: Collected): Promise<string>;
}

export function createMetricsSum(): MetricsSum {
  const latest = new Map<number, Collected>();
  let past: Collected = [];
  return {
    said: (process, metrics) => void latest.set(process, metrics),
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
