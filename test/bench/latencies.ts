export interface Latencies {
  add(milliseconds: number): void;
  /** In milliseconds; `share` from 0 to 1. */
  percentile(share: number): number;
  clear(): void;
}

const perMillisecond = 100;
const longestMs = 10_000;

/** Counts latencies in steps of 10 µs up to 10 s, without making garbage under load. */
export function latencies(): Latencies {
  const counts = new Uint32Array(longestMs * perMillisecond + 1);
  let total = 0;
  return {
    add(milliseconds) {
      const step = Math.min(counts.length - 1, Math.max(0, Math.ceil(milliseconds * perMillisecond)));
      counts[step] = (counts[step] as number) + 1;
      total += 1;
    },
    percentile(share) {
      let left = Math.ceil(total * share);
      for (let step = 0; step < counts.length; step += 1) {
        left -= counts[step] as number;
        if (left <= 0) return step / perMillisecond;
      }
      return longestMs;
    },
    clear() {
      counts.fill(0);
      total = 0;
    },
  };
}
