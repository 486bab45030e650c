import { Counter, Gauge, type Registry } from 'prom-client';
import { LogUnavailable } from '../../adapters/logs/log.ts';

/** A gauge without labels. `collect` sets it whenever the metrics are asked for. */
export function gauge(registry: Registry, name: string, help: string, collect: (gauge: Gauge) => void): void {
  const made: Gauge = new Gauge({ name, help, registers: [registry], collect: () => collect(made) });
}

/** If the log does not answer, keeps the last values; the rest of the metrics stays correct. */
export function unlessAway(collect: () => void | Promise<void>): () => Promise<void> {
  return async () => {
    try {
      await collect();
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
    }
  };
}

export function counter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  collect?: () => void | Promise<void>,
): Counter {
  return new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    ...(collect && { collect: unlessAway(collect) }),
  });
}

/** A counter with its labels as one text, separated by blanks. Much cheaper than an object of labels. */
export function countWords(registry: Registry, name: string, help: string, labels: string[]): (words: string) => void {
  const counts = new Map<string, number>();
  const total = counter(registry, name, help, labels, () => {
    total.reset();
    for (const [words, count] of counts) {
      const values = words.split(' ');
      total.inc(Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ''])), count);
    }
  });
  return (words) => counts.set(words, (counts.get(words) ?? 0) + 1);
}

/**
 * Adds a count. A negative count is a fault that the balance reports. Here it counts as 0, since the counter would throw and break the whole
 * page.
 */
export const add = (counter: Counter, labels: Record<string, string>, count: number): void =>
  counter.inc(labels, Math.max(0, count));
