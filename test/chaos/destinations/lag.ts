import type { Arrived } from '../audit.ts';
import { atMost, type Finding } from '../findings.ts';

/** On a machine that is busy with much else; alone it takes some 20 ms, and a sick neighbour holds its own requests up for 15 s. */
const MOST_MS = 10_000;

/** How long events took from being sent to being there, for those that were sent in this time. */
export function lag(
  name: string,
  meaning: string,
  arrivals: readonly Arrived[],
  sentAt: ReadonlyMap<string, number>,
  [from, to]: readonly [number, number],
): Finding {
  const took = arrivals
    .flatMap(({ id, at }) => {
      const sent = sentAt.get(id);
      return sent !== undefined && sent >= from && sent < to ? [at - sent] : [];
    })
    .sort((a, b) => a - b);
  const share = (part: number) =>
    took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? Number.POSITIVE_INFINITY;
  const of = `99 of 100 of ${took.length} events (half: ${share(0.5)})`;
  return atMost(name, `${meaning}: ms from a client's request to arrival, ${of}`, share(0.99), MOST_MS);
}
