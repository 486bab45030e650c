import type { Replay } from '../../adapters/logs/state.ts';
import { replayName } from '../../adapters/logs/state.ts';
import type { Store } from '../../adapters/logs/store.ts';

/** Ended replays that are kept at most, and for how long. One with open dead letters stays until those are settled. */
export const ENDED_REPLAYS_MAX = 1000;
export const ENDED_REPLAYS_DAYS = 90;
/** So many are let go of at a time, so that the rest of the upkeep has its turn. */
const FORGOTTEN_AT_ONCE = 100;
const DAY_MS = 24 * 3_600_000;

/** What was let go of. */
export interface Forgotten {
  readonly replays: number;
  readonly pipelines: number;
}

/** Lets go of ended replays past their limits, and of pipelines that left, owe nothing, and whose events are all gone from the log. */
export async function forgetOld({ log, state }: Store, now: number): Promise<Forgotten> {
  let replays = 0;
  for (const replay of pastLimits(await state.replays(), now).slice(0, FORGOTTEN_AT_ONCE)) {
    const own = { shop: replay.shop, pipeline: replayName(replay) };
    if ((await state.dead(own, { limit: 1 })).length > 0) continue;
    // What an adopted pipeline has is its own, and goes with it.
    if (replay.adopts === undefined) await state.forget(own);
    await state.removeReplay(replay.id);
    replays += 1;
  }
  let pipelines = 0;
  for (const { id, progress, moved } of await state.everyStanding()) {
    if (!progress.left?.settled || moved || pipelines === FORGOTTEN_AT_ONCE) continue;
    const { oldest } = await log.extent(id.shop);
    if (oldest > progress.left.newest && (await state.forget(id))) pipelines += 1;
  }
  return { replays, pipelines };
}

/** From the oldest. */
export function pastLimits(replays: readonly Replay[], now: number): Replay[] {
  const ended = replays.filter((replay) => replay.ended && !replay.revived);
  const tooMany = ended.length - ENDED_REPLAYS_MAX;
  return ended.filter(
    ({ endedAt, startedAt }, i) => i < tooMany || (endedAt ?? startedAt) < now - ENDED_REPLAYS_DAYS * DAY_MS,
  );
}
