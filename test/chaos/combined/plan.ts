import { seeded } from '../random.ts';

/** What can befall the gateway's process, its destination, and what it goes by. At most one of each group at a time. */
const groups = {
  process: ['kill', 'term', 'stop', 'block'],
  destination: ['refuses', 'hangs', 'resets', '500'],
  surroundings: ['clock', 'reload'],
} as const;

type Group = keyof typeof groups;
export type Kind = (typeof groups)[Group][number];

export interface Fault {
  readonly kind: Kind;
  /** When it begins, after the beginning of its step, and how long it lasts where it lasts. */
  readonly afterMs: number;
  readonly ms: number;
  /** By how many hours the clock is wrong from then on. Less than a day: a start by a clock that is further ahead forgets ids. */
  readonly hours: number;
}

/** Two or three faults that overlap. */
export type Step = readonly Fault[];

/** So many steps; the same for the same seed. Every kind comes up before any does again, so that few steps meet many. */
export function planOf(seed: number, steps: number): Step[] {
  const random = seeded(seed);
  const left = new Map<Group, Kind[]>();
  const drawn = (group: Group): Kind => {
    const rest = left.get(group) ?? [];
    if (rest.length === 0) rest.push(...shuffled<Kind>(groups[group], random));
    left.set(group, rest);
    return rest.pop() as Kind;
  };
  return Array.from({ length: steps }, () => {
    const all = shuffled(Object.keys(groups) as Group[], random).slice(0, 2 + Math.floor(random() * 2));
    return all.map((group) => ({
      kind: drawn(group),
      afterMs: Math.round(random() * 1000),
      ms: Math.round(300 + random() * 2200),
      hours: Math.round(random() * 22) - 11,
    }));
  });
}

/** A step in words, for who has to repeat it. */
export const wordsOf = (step: Step): string =>
  step.map((fault) => `${fault.kind}${measureOf(fault)} at ${fault.afterMs} ms`).join(', ');

function measureOf({ kind, ms, hours }: Fault): string {
  if (kind === 'clock') return ` ${hours} h`;
  return kind === 'kill' || kind === 'term' || kind === 'reload' ? '' : ` for ${ms} ms`;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
