import type { Postgres } from '../../support/postgres.ts';
import { atMost, type Finding } from '../findings.ts';
import { pause } from '../random.ts';
import type { FaultOptions } from './fault.ts';
import type { Run } from './run.ts';

const ACKED_WITHIN_SECONDS = 3;
const ARRIVED_WITHIN_SECONDS = 10;
const ASK_EVERY_MS = 20;

/** Seconds from the database's first answer to the gateway's first 2xx, and until every destination got something. */
export interface Recovery {
  readonly acked: number;
  readonly arrived: number;
}

/** Has the database come back, and measures how soon everything goes on. */
export async function recovered(run: Run, postgres: Postgres, recover: () => unknown): Promise<Recovery> {
  const [since] = await Promise.all([firstAnswer(postgres), recover()]);
  const [acked, arrived] = await Promise.all([run.acked(since), run.arrived(since)]);
  return { acked, arrived };
}

/** When it first answers a statement that only a primary answers. */
async function firstAnswer(postgres: Postgres): Promise<number> {
  const sql = 'SELECT 1 WHERE NOT pg_is_in_recovery()';
  for (;;) {
    const rows = await postgres.query('postgres', sql).catch(() => []);
    if (rows.length > 0) return Date.now();
    await pause(ASK_EVERY_MS);
  }
}

export function inTime(recoveries: readonly Recovery[]): Finding[] {
  const within = (name: string, what: string, seconds: readonly number[], limit: number) => {
    const sorted = seconds.toSorted((a, b) => a - b);
    const middle = sorted[Math.floor(sorted.length / 2)]?.toFixed(2);
    const meaning = `seconds from the database's answer to ${what}, the slowest of ${sorted.length}, half within ${middle}`;
    return atMost(name, meaning, Math.max(...seconds), limit);
  };
  const [acked, arrived] = [recoveries.map((one) => one.acked), recoveries.map((one) => one.arrived)];
  return [
    within('BACK', 'the first 2xx', acked, ACKED_WITHIN_SECONDS),
    within('ONWARD', 'an arrival everywhere', arrived, ARRIVED_WITHIN_SECONDS),
  ];
}

/** Does something this many times, or else again and again for this many seconds, at least once. */
export async function repeatedly<T>(
  { seconds, times }: Pick<FaultOptions, 'seconds' | 'times'>,
  once: () => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  const end = performance.now() + seconds * 1000;
  do results.push(await once());
  while (times === undefined ? performance.now() < end : results.length < times);
  return results;
}
