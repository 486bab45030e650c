import type { DamageReport } from '../../adapters/logs/store.ts';

/** Damage found on the log since the process began. Shown until the process ends. */
export interface Damage {
  /** When damage was first noticed, in milliseconds since 1970. */
  readonly since: number;
  /** Damage found at the start: what was wrong with the log's file, where that file is now, and how many events were recovered. */
  readonly found: readonly DamageReport[];
  /** Number of events whose bytes had changed when they were read. */
  readonly unreadable: number;
}

export interface DamageRecord {
  found(report: DamageReport): void;
  /** Unreadable positions of a shop, both ends included. May be reported more than once. */
  unreadable(shop: string, from: number, to: number): void;
  /** Undefined if nothing was damaged. */
  damage(): Damage | undefined;
}

/** `now`: milliseconds since 1970. */
export function createDamageRecord(now: () => number): DamageRecord {
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
