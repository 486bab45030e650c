import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Position, Stored } from '../../adapters/logs/log.ts';
import type { Progress } from '../../adapters/logs/state/progress.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { PipelineRef } from '../../schemas/admin-api/pipelines.ts';
import type { ReplayOrder, ReplayPlanned } from '../../schemas/admin-api/replays.ts';
import { BadOrder } from '../base/errors.ts';
import { readOver } from '../base/unreadable.ts';
import type { Route } from '../deliver/route.ts';

const READ_AT_ONCE = 1000;
const NOW = AbortSignal.abort();

/** The part of the log that an order names. Throws BadOrder if it holds no event. */
export async function stretchOf(
  { log }: Store,
  { shop, from, to }: ReplayOrder,
): Promise<{ readonly after: Position; readonly to: Position }> {
  const { oldest, newest } = await log.extent(shop);
  const after = Math.max(oldest - 1, from === undefined ? 0 : await log.before(shop, Date.parse(from)));
  const end = to === undefined ? newest : await log.before(shop, Date.parse(to));
  if (end <= after)
    throw new BadOrder(
      `no event of ${shop} was received from ${from ?? 'the beginning'} to ${to ?? 'now'} (the log keeps ${Math.max(0, newest - oldest + 1)})`,
    );
  return { after, to: end };
}

/**
 * Reads a stretch of the log page by page and gives the plan so far after each page. A page costs two queries, however many events and
 * dead letters it has.
 */
export async function* planned(
  store: Store,
  { shop, pipeline }: PipelineRef,
  { after, to }: { readonly after: Position; readonly to: Position },
  route: Route,
): AsyncGenerator<ReplayPlanned> {
  const progress = await store.state.cursors.progress({ shop, pipeline });
  const plan = {
    shop,
    pipeline,
    from: after + 1,
    to,
    events: 0,
    wanted: 0,
    again: 0,
    by_type: {} as Record<string, number>,
    filtered: {} as Record<string, number>,
  };
  for (let position = after; position < to; ) {
    const read = await readOver(store.log, shop, position, Math.min(READ_AT_ONCE, to - position), NOW);
    const page = read.stored.filter((one) => one.position <= to);
    const last = Math.min(read.last ?? to, to);
    // The replay itself would be suspended before such events.
    if (read.unreadable > 0) {
      plan.events += read.unreadable;
      plan.filtered.unreadable = (plan.filtered.unreadable ?? 0) + read.unreadable;
    }
    const again = await deliveredBefore(store, { shop, pipeline }, progress, position, last);
    for (const one of page) count(plan, one, route, again);
    position = last;
    yield { plan: { ...plan, by_type: { ...plan.by_type }, filtered: { ...plan.filtered } }, position };
    // Reading may be synchronous underneath: let other work run.
    await nextTurn();
  }
}

function count(
  plan: {
    events: number;
    wanted: number;
    again: number;
    by_type: Record<string, number>;
    filtered: Record<string, number>;
  },
  { position, event }: Stored,
  route: Route,
  again: (position: Position) => boolean,
): void {
  plan.events += 1;
  const reason = route(event);
  if (reason) {
    plan.filtered[reason] = (plan.filtered[reason] ?? 0) + 1;
    return;
  }
  plan.wanted += 1;
  plan.by_type[event.event_type] = (plan.by_type[event.event_type] ?? 0) + 1;
  if (again(position)) plan.again += 1;
}

/** Which events of a page the pipeline has delivered: all that it passed and that are no dead letters. */
async function deliveredBefore(
  { state }: Store,
  id: PipelineRef,
  progress: Progress | undefined,
  after: Position,
  to: Position,
): Promise<(position: Position) => boolean> {
  if (progress === undefined || to <= progress.start || after >= progress.position) return () => false;
  const dead = new Set(await state.deadLetters.undelivered(id, after, to));
  return (position) => position > progress.start && position <= progress.position && !dead.has(position);
}
