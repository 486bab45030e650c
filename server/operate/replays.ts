import type { Progress } from '../../adapters/logs/state/progress.ts';
import { type Replay, replayName } from '../../adapters/logs/state/replays.ts';
import type { PipelineRef } from '../../schemas/admin-api/pipelines.ts';
import type { ReplayJob, ReplayOrder, ReplayPlan, ReplayPlanned } from '../../schemas/admin-api/replays.ts';
import { BadOrder, NotFound } from '../base/errors.ts';
import type { PipelineStatus } from '../deliver/pipelines.ts';
import { nameOf, replayJob, routeOf } from './replay-job.ts';
import { planned, stretchOf } from './replay-plan.ts';
import { ReplayRunner, type ReplayTools } from './replay-runner.ts';

/** Orders about replays: stretches of the log that a pipeline delivers again. A replay is a pipeline with an end, so it survives restarts. */
export class Replays {
  readonly #tools: ReplayTools;
  readonly #runner: ReplayRunner;

  constructor(tools: ReplayTools) {
    this.#tools = tools;
    this.#runner = new ReplayRunner(tools);
  }

  /** Runs replays until `stop`, if this process delivers; also those that the last process left unfinished. */
  follow(): void {
    if (this.#tools.deliversEvents) this.#runner.start();
  }

  /** Call it when the configuration has changed. Resolves when no replay delivers with an old pipeline configuration any more. */
  reconfigured(): Promise<void> {
    return this.#runner.reconfigured();
  }

  /** What a replay would do, without doing it. Throws NotFound, or BadOrder for an empty stretch. */
  async plan(order: ReplayOrder): Promise<ReplayPlan> {
    let last: ReplayPlanned | undefined;
    for await (const page of this.planning(order)) last = page;
    if (last === undefined) throw new Error('a plan has at least one page');
    return last.plan;
  }

  /** The same as it grows, page by page; the last one is the plan. Throws before the first page. */
  async *planning(order: ReplayOrder): AsyncGenerator<ReplayPlanned> {
    const { store } = this.#tools;
    const pipeline = this.#tools.get(order);
    yield* planned(store, order, await stretchOf(store, order), routeOf(pipeline, order.types));
  }

  async start(order: ReplayOrder): Promise<ReplayJob> {
    const { store, clock } = this.#tools;
    this.#tools.get(order);
    const { shop, pipeline, types } = order;
    const { after, to } = await stretchOf(store, order);
    const replay = await store.state.replays.add({ shop, pipeline, after, to, types, startedAt: clock.now() });
    return this.#job(replay, undefined);
  }

  /** Has a configured pipeline of the shop deliver what an orphan owes, beside its own events. Throws NotFound and BadOrder. */
  async adopt(orphan: PipelineStatus, as: string): Promise<ReplayJob> {
    const { store, clock } = this.#tools;
    const { id, progress, newest } = orphan;
    this.#tools.get({ shop: id.shop, pipeline: as });
    const known = (await store.state.replays.all()).find((one) => isAdoptionOf(one, id) && !one.ended);
    if (known)
      throw new BadOrder(
        `${id.pipeline} must be an orphan that no replay delivers, got one that replay ${known.id} delivers; cancel that replay`,
      );
    await store.state.cursors.resume(id);
    const { shop, pipeline: adopts } = id;
    const { position: after } = progress;
    const added = { shop, pipeline: as, adopts, after, to: newest, startedAt: clock.now() };
    const replay = await store.state.replays.add(added);
    return this.#job(replay, progress);
  }

  async jobs(): Promise<ReplayJob[]> {
    const { state } = this.#tools.store;
    const replays = await state.replays.all();
    const standings = await state.cursors.standings(replays.map(nameOf));
    return replays.map((replay, i) => this.#job(replay, standings[i]?.progress));
  }

  /** Ends a replay at its cursor and gives it as it is then; one that is done stays done. Throws NotFound. */
  async cancel(id: string): Promise<ReplayJob> {
    const { store, clock } = this.#tools;
    const replay = await store.state.replays.change(id, { kind: 'cancelled', at: clock.now() });
    if (replay === undefined) throw new NotFound(`no replay ${id}`);
    return this.#job(replay, await this.#progress(replay));
  }

  /** The names under which replays keep their progress and dead letters. */
  async ids(): Promise<PipelineRef[]> {
    return (await this.#tools.store.state.replays.all()).map(nameOf);
  }

  /**
   * Has a replay try its marked dead letters, and resume if it is suspended. A running one is not interrupted: what it is sending would be
   * sent twice. Gives false if no replay has that name.
   */
  async revive(ref: PipelineRef): Promise<boolean> {
    const { state } = this.#tools.store;
    const replay = (await state.replays.all()).findLast(
      (one) => one.shop === ref.shop && replayName(one) === ref.pipeline,
    );
    if (replay === undefined) return false;
    if ((await this.#progress(replay))?.suspended) await state.cursors.resume(ref);
    await state.replays.change(replay.id, { kind: 'revived' });
    return true;
  }

  /** For each shop the position that all its open replays have passed. The log must keep what comes after. */
  async passed(): Promise<ReadonlyMap<string, number>> {
    const { state } = this.#tools.store;
    const open = (await state.replays.all()).filter(({ ended }) => !ended);
    const standings = await state.cursors.standings(open.map(nameOf));
    const passed = new Map<string, number>();
    for (const [i, { shop, after }] of open.entries()) {
      const position = standings[i]?.progress.position ?? after;
      passed.set(shop, Math.min(position, passed.get(shop) ?? position));
    }
    return passed;
  }

  /** Ends the loops of all replays; the replays continue at the next start. */
  stop(): Promise<void> {
    return this.#runner.stop();
  }

  #job(replay: Replay, progress: Progress | undefined): ReplayJob {
    return replayJob(replay, progress, this.#tools.find);
  }

  #progress(replay: Replay): Promise<Progress | undefined> {
    return this.#tools.store.state.cursors.progress(nameOf(replay));
  }
}

const isAdoptionOf = ({ shop, adopts }: Replay, id: PipelineRef): boolean => shop === id.shop && adopts === id.pipeline;
