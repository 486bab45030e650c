import type { EventLog, Tally } from '../../adapters/logs/log.ts';
import { NOTHING } from '../../adapters/logs/tally.ts';
import type { Balance, PipelineBalance, ShopBalance } from '../../schemas/admin-api/balance.ts';
import type { PipelineStatus } from '../deliver/pipelines.ts';

const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Whether every event that came in is accounted for. The counters are kept independently, so a difference means a fault. */
export async function balanceOf(
  log: EventLog,
  shops: readonly string[],
  statuses: readonly PipelineStatus[],
): Promise<Balance> {
  // An orphan's shop may have left the configuration too.
  const names = [...new Set([...shops, ...statuses.map(({ id }) => id.shop)])];
  const tallies = await log.tallies(names);
  const byShop = names.map((shop, i) => shopBalance(shop, tallies[i] ?? NOTHING));
  const byPipeline = statuses.map(pipelineBalance);
  const balanced = byShop.every(isSound) && byPipeline.every(isSound);
  return { balanced, shops: byShop, pipelines: byPipeline };
}

/** Neither a difference nor a negative count; two faults may cancel out in a sum. */
export function isSound(balance: ShopBalance | PipelineBalance): boolean {
  const { difference, shop: _, ...counts } = balance;
  const all = Object.values(counts).flatMap((count) => (typeof count === 'object' ? Object.values(count) : count));
  return difference === 0 && all.every((count) => typeof count !== 'number' || count >= 0);
}

function shopBalance(shop: string, { received, appended, duplicate, quarantined }: Tally): ShopBalance {
  const difference = received - appended - duplicate - total(quarantined);
  return { shop, received, appended, duplicate, quarantined, difference };
}

function pipelineBalance({ id, progress, newest, pending, state }: PipelineStatus): PipelineBalance {
  const { start, delivered, dead, filtered, dropped } = progress;
  const appended = newest - start;
  const difference = appended - delivered - dead - total(filtered) - total(dropped) - pending;
  const orphaned = state === 'orphaned' && { orphaned: true as const };
  return { ...id, ...orphaned, appended, delivered, dead, filtered, dropped, pending, difference };
}
