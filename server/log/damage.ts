import type { DamageReport } from '../../adapters/logs/store.ts';

/** What was found damaged on the log since the process began; it is told until the process ends. */
export interface Damage {
  /** When it was first noticed, in milliseconds since 1970. */
  readonly since: number;
  /** At the start: what was wrong with the log's file, where that lies now, and how many of its events were kept. */
  readonly found: readonly DamageReport[];
  /** Events whose bytes had changed when they were read. */
  readonly unreadable: number;
}

export interface DamageBook {
  found(report: DamageReport): void;
  /** Positions from one to another of a shop. They may be read, and told of, more than once. */
  unreadable(shop: string, from: number, to: number): void;
  /** Undefined as long as nothing was damaged. */
  damage(): Damage | undefined;
}

/** `now`: milliseconds since 1970. */
export function openDamageBook(now: () => number): DamageBook {
  let damage: Damage | undefined;
  const told = new Set<string>();
  const begun = (): Damage => damage ?? { since: now(), found: [], unreadable: 0 };
  return {
    found: (report) => {
      const { found, ...rest } = begun();
      damage = { ...rest, found: [...found, report] };
    },
    unreadable: (shop, from, to) => {
      const place = `${shop} ${from}`;
      if (told.has(place)) return;
      told.add(place);
      const { unreadable, ...rest } = begun();
      damage = { ...rest, unreadable: unreadable + to - from + 1 };
    },
    damage: () => damage,
  };
}
