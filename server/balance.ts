import type { EventLog } from '../adapters/logs/log.ts';
import type { Balance, PipelineBalance, ShopBalance } from './operations.ts';
import type { Running } from './pipelines.ts';

const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Whether everything that came in is accounted for. The counters are kept apart from one another, so a difference means a fault. */
export async function balanceOf(
  log: EventLog,
  shops: readonly string[],
  running: readonly Running[],
): Promise<Balance> {
  const byShop = await Promise.all(shops.map((shop) => shopBalance(log, shop)));
  const byPipeline = await Promise.all(running.map((one) => pipelineBalance(log, one)));
  const balanced = [...byShop, ...byPipeline].every(({ difference }) => difference === 0);
  return { balanced, shops: byShop, pipelines: byPipeline };
}

async function shopBalance(log: EventLog, shop: string): Promise<ShopBalance> {
  const { received, appended, duplicate, quarantined } = await log.tally(shop);
  return {
    shop,
    received,
    appended,
    duplicate,
    quarantined,
    difference: received - appended - duplicate - total(quarantined),
  };
}

async function pipelineBalance(log: EventLog, { id, progress }: Running): Promise<PipelineBalance> {
  const { newest } = await log.extent(id.shop);
  const { start, position, delivered, dead, filtered, dropped } = progress;
  const appended = newest - start;
  const pending = Math.max(0, newest - position);
  const difference = appended - delivered - dead - total(filtered) - total(dropped) - pending;
  return { ...id, appended, delivered, dead, filtered, dropped, pending, difference };
}
