import type { Position } from '../../adapters/logs/log.ts';
import type { NamedStanding } from '../../adapters/logs/state/cursors.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { OrphanDiscard, PipelineRef } from '../../schemas/admin-api/pipelines.ts';
import type { Clock } from '../base/clock.ts';
import { BadOrder } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { pipelineNotFound } from '../deliver/not-found.ts';
import { isOrphaned, isReplay } from '../deliver/orphaned.ts';
import type { PipelineStatus, Pipelines } from '../deliver/pipelines.ts';

export interface OrphanTools {
  readonly store: Store;
  readonly pipelines: Pipelines;
  readonly clock: Clock;
  readonly logger: Logger;
}

const DISCARDED_AT_ONCE = 500;

/** For each shop the position that all its pipelines have passed, orphans included. The log must keep what comes after. */
export function passedBy(standings: readonly NamedStanding[]): ReadonlyMap<string, Position> {
  const passed = new Map<string, Position>();
  for (const { id, progress } of standings) {
    const { left, position } = progress;
    if (isReplay(id) || left?.settled || (left && position >= left.newest)) continue;
    passed.set(id.shop, Math.min(position, passed.get(id.shop) ?? position));
  }
  return passed;
}

/** Looks after pipelines that left the configuration: logs each once, and settles those that owe nothing any more. */
export class Orphans {
  readonly #tools: OrphanTools;
  readonly #logged = new Set<string>();

  constructor(tools: OrphanTools) {
    this.#tools = tools;
  }

  /** Call it in a process that delivers, after each change of the configuration and in the upkeep. Throws LogUnavailable. */
  async look(): Promise<void> {
    const { store, pipelines, clock } = this.#tools;
    const { state } = store;
    const gone = (await pipelines.allStatuses()).filter((one) => one.state === 'orphaned');
    const now = clock.now();
    const open = gone.filter(({ progress }) => !progress.left?.settled);
    const leaving = open.filter(({ progress }) => !progress.left);
    await state.cursors.settleAll(
      leaving.map(({ id, newest }) => ({ id, settlement: { kind: 'left', at: now, newest } as const })),
    );
    const finished: PipelineId[] = [];
    for (const orphan of open) {
      if (await this.#owesNothing(orphan)) finished.push(orphan.id);
      else this.#log(orphan, orphan.progress.left?.at ?? now);
    }
    await state.cursors.settleAll(finished.map((id) => ({ id, settlement: { kind: 'settled' } as const })));
    const here = new Set(gone.map(({ id }) => keyOf(id)));
    for (const key of this.#logged) if (!here.has(key)) this.#logged.delete(key);
  }

  /** Counts events that left the log before an orphan had them, so that the balance stays right. */
  async countGone(): Promise<void> {
    const { store, pipelines } = this.#tools;
    for (const { id, progress } of (await pipelines.statuses()).filter(isOrphaned)) {
      const { oldest } = await store.log.extent(id.shop);
      if (oldest > progress.position + 1) await store.state.cursors.settle(id, { kind: 'gone', oldest });
    }
  }

  /** Discards all that an orphan owes. Throws NotFound, and BadOrder for a pipeline that is configured or being delivered by a replay. */
  async discard(ref: PipelineRef): Promise<OrphanDiscard> {
    const { store, clock } = this.#tools;
    const { pending } = await orphanNamed(this.#tools, ref);
    const adopter = (await store.state.replays.all()).find(({ adopts, shop, ended }) => {
      return adopts === ref.pipeline && shop === ref.shop && !ended;
    });
    if (adopter)
      throw new BadOrder(
        `${ref.pipeline} must be an orphan that no replay delivers, got one that replay ${adopter.id} delivers; cancel that replay`,
      );
    let dead = 0;
    for (;;) {
      const letters = await store.state.deadLetters.open(ref, { limit: DISCARDED_AT_ONCE });
      if (letters.length === 0) break;
      const positions = letters.map(({ position }) => position);
      dead += await store.state.deadLetters.discard(ref, positions, clock.now());
    }
    await store.state.cursors.settle(ref, { kind: 'discarded', at: clock.now() });
    return { pending, dead };
  }

  async #owesNothing({ id, pending, progress }: PipelineStatus): Promise<boolean> {
    if (pending > 0) return false;
    return progress.dead === 0 || (await this.#tools.store.state.deadLetters.open(id, { limit: 1 })).length === 0;
  }

  #log({ id, pending, progress }: PipelineStatus, at: number): void {
    const key = keyOf(id);
    if (this.#logged.has(key)) return;
    this.#logged.add(key);
    this.#tools.logger.warn(
      { ...id, state: 'orphaned', since: new Date(at).toISOString(), pending, dead: progress.dead },
      'a pipeline is not configured any more: its events and dead letters wait; adopt or discard them (headless-events pipelines)',
    );
  }
}

/** The orphan of that name, marked as one if it left just now. Throws NotFound, and BadOrder if it is configured. */
export async function orphanNamed(
  { store, pipelines, clock }: Omit<OrphanTools, 'logger'>,
  ref: PipelineRef,
): Promise<PipelineStatus> {
  if (pipelines.find(ref))
    throw new BadOrder(
      `${ref.pipeline} must be a pipeline that is not configured, got a configured one of the shop ${ref.shop}; remove it from the configuration first`,
    );
  const statuses = await pipelines.statuses();
  const found = statuses.find(({ id }) => id.shop === ref.shop && id.pipeline === ref.pipeline);
  if (found === undefined || !isOrphaned(found)) {
    const orphans = statuses.filter(isOrphaned).map(({ id }) => id);
    throw pipelineNotFound(ref, orphans, 'orphaned pipeline');
  }
  if (found.progress.left) return found;
  const progress = await store.state.cursors.settle(found.id, { kind: 'left', at: clock.now(), newest: found.newest });
  return { ...found, progress: progress ?? found.progress };
}

const keyOf = ({ shop, pipeline }: PipelineId): string => `${shop}/${pipeline}`;
