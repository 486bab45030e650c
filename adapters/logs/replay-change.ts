import type { Replay } from './state/replays.ts';

/** A change of a replay after it was ordered. `at`: milliseconds since 1970. */
export type ReplayChange =
  /** Its loop has finished; `revived` is the replay's value when the loop began. */
  | { readonly kind: 'done'; readonly at: number; readonly revived: Replay['revived'] }
  | { readonly kind: 'cancelled'; readonly at: number }
  /** Its dead letters are marked for a redrive. */
  | { readonly kind: 'revived' };

/** Applies a change to a replay. The first end stays: a finished one cannot be cancelled, and a cancelled one never finishes. */
export function changedReplay(replay: Replay, change: ReplayChange): Replay {
  const { revived, ...rest } = replay;
  switch (change.kind) {
    case 'cancelled':
      return replay.ended ? replay : { ...replay, ended: 'cancelled', endedAt: change.at };
    case 'revived':
      return { ...replay, revived: Number(revived ?? 0) + 1 };
    case 'done':
      // Revived again since the loop began, so it has to look again.
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
