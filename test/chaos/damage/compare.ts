import type { Mark } from '../events.ts';
import type { Received } from '../judge.ts';
import type { Case } from './cases.ts';
import type { Sound } from './sound.ts';

/** What one damaged log did. */
export interface Outcome {
  readonly name: string;
  readonly readyMs: number;
  /** How often the gateway exited by itself. */
  readonly exits: number;
  /** Of the events that were on the log. */
  readonly lost: number;
  /** Nobody was told. */
  readonly silent: boolean;
  /** Fewer are kept than must be: how many. */
  readonly lacking: string | undefined;
  /** Events that arrived and were never sent, or changed. */
  readonly stranger: readonly string[];
  readonly twice: readonly string[];
  /** New events that were acknowledged, and those of them that never arrived. */
  readonly acked: number;
  readonly newLost: readonly string[];
  readonly exit: number | null;
}

export interface Seen {
  readonly one: Pick<Case, 'kept' | 'told'>;
  readonly name: string;
  readonly sound: Pick<Sound, 'marks'>;
  readonly exits: number;
  readonly readyMs: number;
  readonly acked?: ReadonlyMap<string, Mark>;
  readonly arrived?: readonly Received[];
  readonly alarmed?: boolean;
  readonly exit?: number | null;
}

/** Pure: what was on the log and what was acknowledged, against what arrived. */
export function compare(seen: Seen): Outcome {
  const { one, name, sound, exits, readyMs, acked = new Map(), arrived = [], alarmed = false, exit = null } = seen;
  const counts = new Map<string, number>();
  for (const { id } of arrived) counts.set(id, (counts.get(id) ?? 0) + 1);
  const kept = [...sound.marks.keys()].filter((id) => counts.has(id)).length;
  const lost = sound.marks.size - kept;
  const isStrange = ({ id, crc }: Received) => (sound.marks.get(id) ?? acked.get(id))?.crc !== crc;
  return {
    name,
    readyMs,
    exits,
    lost,
    silent: (lost > 0 || one.told) && !alarmed,
    lacking: kept < sound.marks.size * one.kept ? `${kept} of ${sound.marks.size}` : undefined,
    stranger: arrived.filter(isStrange).map(({ id }) => `${id}: ${name}`),
    twice: [...counts].filter(([, count]) => count > 1).map(([id]) => `${id}: ${name}`),
    acked: acked.size,
    newLost: [...acked.keys()].filter((id) => !counts.has(id)).map((id) => `${id}: ${name}`),
    exit,
  };
}
