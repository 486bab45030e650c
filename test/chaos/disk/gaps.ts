import type { Balance } from '../../../server/operations.ts';

/**
 * The books as if commits that failed had left no gap. Where one commit fails and the next, under way already, does not, the log
 * has positions without events. Nobody was promised those, and they were sent again: each shop has them as appended, each of its
 * pipelines as missing, and whoever was promised one of them would find it lost. Pure.
 */
export function withoutGaps(balance: Balance): Balance {
  const gapOf = (pipeline: Balance['pipelines'][number]): number => pipeline.dropped.corrupt ?? 0;
  const ofShop = (shop: string): number =>
    Math.max(0, ...balance.pipelines.filter((pipeline) => pipeline.shop === shop).map(gapOf));
  return {
    ...balance,
    shops: balance.shops.map((shop) => ({ ...shop, appended: shop.appended - ofShop(shop.shop) })),
    pipelines: balance.pipelines.map((pipeline) => ({ ...pipeline, appended: pipeline.appended - gapOf(pipeline) })),
  };
}
