import type { Replay } from './state/replays.ts';

/** What may happen to a replay after it was ordered. `at` is in milliseconds since 1970. */
export type ReplayChange =
  /** Its loop is through; `revived` is what the replay said when the loop began. */
  | { readonly kind: 'done'; readonly at: number; readonly revived: Replay['revived'] }
  | { readonly kind: 'cancelled'; readonly at: number }
  /** Its dead letters are to be tried once more. */
  | { readonly kind: 'revived' };

/** What a change makes of a replay. The first end stays: one that is done cannot be cancelled, one that is cancelled is never done. */
export function changedReplay(replay: Replay, change: ReplayChange): Replay {
  const { revived, ...rest } = replay;
  switch (change.kind) {
    case 'cancelled':
      return replay.ended ? replay : { ...replay, ended: 'cancelled', endedAt: change.at };
    case 'revived':
      return { ...replay, revived: Number(revived ?? 0) + 1 };
    case 'done':
      // Revived once more since the loop began: it has to look again.
      if (revived !== change.revived) return replay;
      if (!replay.ended) return { ...rest, ended: 'done', endedAt: change.at };
      return revived === undefined ? replay : rest;
  }
}

/** The number in a replay's id: r12 has 12. */
export const replayNumber = ({ id }: Pick<Replay, 'id'>): number => Number(id.slice(1)) || 0;

/** The id after the highest of all. */
export const nextReplayId = (replays: readonly Replay[]): string =>
  `r${1 + replays.reduce((highest, replay) => Math.max(highest, replayNumber(replay)), 0)}`;
