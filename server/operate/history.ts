import type { Replay } from '../../adapters/logs/state/replays.ts';
import { replayName } from '../../adapters/logs/state/replays.ts';
import type { Store } from '../../adapters/logs/store.ts';

/** Most ended replays that are kept, and for how many days. One with open dead letters stays until those are settled. */
export const ENDED_REPLAYS_MAX = 1000;
export const ENDED_REPLAYS_DAYS = 90;
/** Most that are forgotten at a time, so that the rest of the upkeep gets its turn. */
const FORGOTTEN_AT_ONCE = 100;
const DAY_MS = 24 * 3_600_000;

/** How many were forgotten. */
export interface Forgotten {
  readonly replays: number;
  readonly pipelines: number;
}

/** Forgets ended replays past their limits, and orphans that owe nothing and whose events have all left the log. `now`: milliseconds since 1970. */
export async function forgetOld({ log, state }: Store, now: number): Promise<Forgotten> {
  let replays = 0;
  for (const replay of pastLimits(await state.replays.all(), now).slice(0, FORGOTTEN_AT_ONCE)) {
    const own = { shop: replay.shop, pipeline: replayName(replay) };
    if ((await state.deadLetters.open(own, { limit: 1 })).length > 0) continue;
    // An adopted pipeline's progress is its own and is forgotten with it.
    if (replay.adopts === undefined) await state.cursors.forget(own);
    await state.replays.remove(replay.id);
    replays += 1;
  }
  let pipelines = 0;
  for (const { id, progress, moved } of await state.cursors.everyStanding()) {
    if (!progress.left?.settled || moved || pipelines === FORGOTTEN_AT_ONCE) continue;
    const { oldest } = await log.extent(id.shop);
    if (oldest > progress.left.newest && (await state.cursors.forget(id))) pipelines += 1;
  }
  return { replays, pipelines };
}

/** Ended replays past their limits, oldest first. */
export function pastLimits(replays: readonly Replay[], now: number): Replay[] {
  const ended = replays.filter((replay) => replay.ended && !replay.revived);
  const tooMany = ended.length - ENDED_REPLAYS_MAX;
  return ended.filter(
    ({ endedAt, startedAt }, i) => i < tooMany || (endedAt ?? startedAt) < now - ENDED_REPLAYS_DAYS * DAY_MS,
  );
}
