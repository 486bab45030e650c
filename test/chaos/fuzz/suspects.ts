import { pause } from '../random.ts';
import { rawClient } from '../raw.ts';
import { fuzzRequest } from './request.ts';
import type { Stall, Stalls } from './stalls.ts';

export const STALL_MS = 50;
const TRIES = 3;
const MOST_SUSPECTS = 100;

/** A stall, and the requests that were under way in it. */
export interface Suspicion {
  readonly ms: number;
  readonly requests: readonly number[];
}

/** Which requests were under way when the gateway was held up. */
export function underWay(
  recent: readonly (readonly [n: number, from: number, to: number])[],
  { at, ms }: Stall,
): number[] {
  // The loop is looked at every 5 ms, and clocks are read in whole milliseconds.
  return recent.filter(([, from, to]) => from <= at && to >= at - ms - 10).map(([n]) => n);
}

/**
 * Sends the requests of each suspicion once more, all of it at once and nothing beside it, three times: what holds the gateway up each
 * time is at fault. What does it never again was a garbage collection that was due anyway, or the machine. Tries the longest hundred.
 */
export async function confirmed(
  suspicions: readonly Suspicion[],
  { seed, port, stalls }: { readonly seed: number; readonly port: number; readonly stalls: Stalls },
): Promise<{ readonly held: readonly string[]; readonly tried: number }> {
  const longest = async (requests: readonly number[], again: string) => {
    stalls.news();
    await Promise.all(
      requests.map(async (n) => {
        const client = rawClient(port);
        await client.send(fuzzRequest(seed, n, again));
        client.close();
      }),
    );
    await pause(50);
    return Math.max(0, ...stalls.news().map(({ ms }) => ms));
  };
  const least = async (requests: readonly number[]) => {
    let best = Number.POSITIVE_INFINITY;
    for (let at = 0; at < TRIES && best > STALL_MS; at += 1)
      best = Math.min(best, await longest(requests, `again${at}-${requests.length}`));
    return best;
  };
  const found: string[] = [];
  const worst = [...suspicions].sort((a, b) => b.ms - a.ms).slice(0, MOST_SUSPECTS);
  for (const { ms, requests } of worst) {
    const again = await least(requests);
    if (again <= STALL_MS) continue;
    const alone: string[] = [];
    for (const n of requests) if ((await least([n])) > STALL_MS) alone.push(String(n));
    found.push(`${ms.toFixed(0)} ms, and ${again.toFixed(0)} ms again: requests ${alone.join() || requests.join()}`);
  }
  return { held: found, tried: worst.length };
}
