import type { Arrived } from '../audit.ts';
import { type Finding, measured } from '../findings.ts';

/** How long events took from being sent to being there, for those that were sent in this time. Measured and not judged. */
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
  const share = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0;
  const of = `99 of 100 of ${took.length} events (half: ${share(0.5)})`;
  return measured(name, `${meaning}: ms from a client's request to arrival, ${of}`, share(0.99));
}
