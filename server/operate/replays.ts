import { isDeepStrictEqual } from 'node:util';
import { LogUnavailable } from '../../adapters/logs/log.ts';
import { type Progress, type Replay, replayName } from '../../adapters/logs/state.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { PipelineRef } from '../../schemas/admin-api/pipelines.ts';
import type { ReplayJob, ReplayOrder, ReplayPlan, ReplayPlanned } from '../../schemas/admin-api/replays.ts';
import type { Pipeline } from '../../schemas/config.ts';
import { aborted, type Clock } from '../base/clock.ts';
import { BadOrder, NotFound } from '../base/errors.ts';
import { type PipelineStatus, UNAVAILABLE_WAIT_MS } from '../deliver/pipelines.ts';
import { type Route, router } from '../deliver/route.ts';
import { planned, stretchOf } from './replay-plan.ts';

export interface ReplayTools {
  readonly store: Store;
  /** Whether this process delivers; one that only takes events writes down what is to be replayed. */
  readonly deliversEvents: boolean;
  readonly clock: Clock;
  /** The configured pipeline of that name. */
  readonly find: (ref: PipelineRef) => Pipeline | undefined;
  /** The same. Throws NotFound. */
  readonly named: (ref: PipelineRef) => Pipeline;
  /** Delivers a stretch through connections of its own until it is done, the signal aborts, or it is wanted elsewhere. */
  readonly run: (replay: Replay, pipeline: Pipeline, route: Route, signal: AbortSignal) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

/** A replay's loop, and the configuration that it delivers with. */
interface Run {
  readonly replay: Replay;
  readonly pipeline: Pipeline;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** Stretches of the log that pipelines deliver again. A replay is a pipeline with an end, so it survives restarts as pipelines do. */
export class Replays {
  readonly #tools: ReplayTools;
  readonly #running = new Map<string, Run>();
  readonly #stopping = new AbortController();
  /** Aborts when other replays may have to run than those that do. */
  #lookAgain = new AbortController();
  #followed: Promise<void> = Promise.resolve();

  constructor(tools: ReplayTools) {
    this.#tools = tools;
  }

  /** Runs what is to be replayed, what was under way when the last process ended included, until `stop`. */
  follow(): void {
    if (this.#tools.deliversEvents) this.#followed = this.#follow();
  }

  /**
   * Call it when the configuration has changed. Resolves when no replay delivers with what a pipeline was before; those whose pipeline
   * is still configured go on with what it is now.
   */
  async reconfigured(): Promise<void> {
    const outdated = [...this.#running].filter(
      ([, { replay, pipeline }]) => !isDeepStrictEqual(this.#deliverer(replay), pipeline),
    );
    await Promise.all(outdated.map(([id]) => this.#end(id)));
    this.#lookAgain.abort();
  }

  /** What a replay would do, without doing it. Throws NotFound, or BadOrder for an empty stretch. */
  async plan(order: ReplayOrder): Promise<ReplayPlan> {
    let last: ReplayPlanned | undefined;
    for await (const page of this.planning(order)) last = page;
    if (last === undefined) throw new Error('a plan has at least one page');
    return last.plan;
  }

  /** The same, page by page: the last one is the plan. Throws before the first. */
  async *planning(order: ReplayOrder): AsyncGenerator<ReplayPlanned> {
    const { store } = this.#tools;
    const pipeline = this.#tools.named(order);
    yield* planned(store, order, await stretchOf(store, order), routeOf(pipeline, order.types));
  }

  async start(order: ReplayOrder): Promise<ReplayJob> {
    const { store, clock } = this.#tools;
    this.#tools.named(order);
    const { shop, pipeline, types } = order;
    const { after, to } = await stretchOf(store, order);
    const replay = await store.state.addReplay({ shop, pipeline, after, to, types, startedAt: clock.now() });
    return this.#job(replay, undefined);
  }

  /** Delivers what an orphan owes to a configured pipeline of its shop, beside the events of that. Throws NotFound and BadOrder. */
  async adopt(orphan: PipelineStatus, as: string): Promise<ReplayJob> {
    const { store, clock } = this.#tools;
    const { id, progress, newest } = orphan;
    this.#tools.named({ shop: id.shop, pipeline: as });
    const known = (await store.state.replays()).find((one) => isAdoptionOf(one, id) && !one.ended);
    if (known) throw new BadOrder(`expected an orphan that nobody delivers, got one that replay ${known.id} does`);
    await store.state.resume(id);
    const { shop, pipeline: adopts } = id;
    const { position: after } = progress;
    const added = { shop, pipeline: as, adopts, after, to: newest, startedAt: clock.now() };
    const replay = await store.state.addReplay(added);
    return this.#job(replay, progress);
  }

  async jobs(): Promise<ReplayJob[]> {
    const { state } = this.#tools.store;
    const replays = await state.replays();
    const standings = await state.standings(replays.map(nameOf));
    return replays.map((replay, i) => this.#job(replay, standings[i]?.progress));
  }

  /** Ends a replay where it is, and gives what it is then: one that was done first stays so. Throws NotFound. */
  async cancel(id: string): Promise<ReplayJob> {
    const { store, clock } = this.#tools;
    const replay = await store.state.changeReplay(id, { kind: 'cancelled', at: clock.now() });
    if (replay === undefined) throw new NotFound(`no replay ${id}`);
    return this.#job(replay, await this.#progress(replay));
  }

  /** Every replay's progress and dead letters are kept under a name of its own. */
  async ids(): Promise<PipelineRef[]> {
    return (await this.#tools.store.state.replays()).map(nameOf);
  }

  /**
   * Has a replay look through its dead letters again, and go on where it is suspended. One that runs is left alone: what it is sending
   * would be cut off and sent twice. Gives false where there is none of that name.
   */
  async revive(ref: PipelineRef): Promise<boolean> {
    const { state } = this.#tools.store;
    const replay = (await state.replays()).findLast((one) => one.shop === ref.shop && replayName(one) === ref.pipeline);
    if (replay === undefined) return false;
    if ((await this.#progress(replay))?.suspended) await state.resume(ref);
    await state.changeReplay(replay.id, { kind: 'revived' });
    return true;
  }

  /** The lowest position of each shop that a replay has yet to read: the log keeps what comes after. */
  async passed(): Promise<ReadonlyMap<string, number>> {
    const { state } = this.#tools.store;
    const open = (await state.replays()).filter(({ ended }) => !ended);
    const standings = await state.standings(open.map(nameOf));
    const passed = new Map<string, number>();
    for (const [i, { shop, after }] of open.entries()) {
      const position = standings[i]?.progress.position ?? after;
      passed.set(shop, Math.min(position, passed.get(shop) ?? position));
    }
    return passed;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#followed;
    await Promise.all([...this.#running.keys()].map((id) => this.#end(id)));
  }

  async #follow(): Promise<void> {
    const { store, clock, onFailure } = this.#tools;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const changed = store.state.replaysChanged();
        this.#lookAgain = new AbortController();
        const again = this.#lookAgain.signal;
        await this.#runThose(await store.state.replays());
        await aborted(AbortSignal.any([changed, again, signal]));
      } catch (error) {
        if (!(error instanceof LogUnavailable)) return onFailure(error);
        await clock.sleep(UNAVAILABLE_WAIT_MS, signal);
      }
    }
  }

  /** Starts those that are to run, and stops those that are not any more. */
  async #runThose(replays: readonly Replay[]): Promise<void> {
    const open = new Map(replays.filter(({ ended, revived }) => !ended || revived).map((one) => [one.id, one]));
    // One that was cancelled while its dead letters are tried is begun anew, for those alone.
    const over = [...this.#running].filter(([id, { replay }]) => open.get(id)?.ended !== replay.ended || !open.has(id));
    await Promise.all(over.map(([id]) => this.#end(id)));
    for (const [id, replay] of open) if (!this.#running.has(id)) this.#start(replay);
  }

  #start(replay: Replay): void {
    const pipeline = this.#deliverer(replay);
    // Its pipeline is not configured now; it goes on when that is back.
    if (pipeline === undefined) return;
    const stop = new AbortController();
    const ended = this.#run(replay, pipeline, stop.signal).finally(() => {
      if (this.#running.get(replay.id)?.stop !== stop) return;
      this.#running.delete(replay.id);
      // It may have been revived just now.
      this.#lookAgain.abort();
    });
    this.#running.set(replay.id, { replay, pipeline, stop, ended });
  }

  async #run(replay: Replay, pipeline: Pipeline, signal: AbortSignal): Promise<void> {
    const { clock, onFailure } = this.#tools;
    for (let current: Replay | undefined = replay; current && !signal.aborted; ) {
      try {
        current = await this.#runOnce(current, pipeline, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof LogUnavailable)) return onFailure(error);
        await clock.sleep(UNAVAILABLE_WAIT_MS, signal);
      }
    }
  }

  /** Gives the replay as it is to be run next, if it is. */
  async #runOnce(replay: Replay, pipeline: Pipeline, signal: AbortSignal): Promise<Replay | undefined> {
    const { store, clock, run } = this.#tools;
    // What was cancelled stays so; only its dead letters are tried.
    const to = replay.ended === 'cancelled' ? ((await this.#progress(replay))?.position ?? replay.after) : replay.to;
    await run({ ...replay, to }, pipeline, routeOf(pipeline, replay.types), signal);
    const progress = await this.#progress(replay);
    if (progress === undefined || progress.position < to || progress.suspended) return replay;
    const done = { kind: 'done', at: clock.now(), revived: replay.revived } as const;
    const changed = await store.state.changeReplay(replay.id, done);
    // Its dead letters were asked for once more meanwhile: it has to look again.
    return changed?.revived ? changed : undefined;
  }

  async #end(id: string): Promise<void> {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.stop.abort();
    await running?.ended;
  }

  /** The pipeline that a replay delivers as. One that was adopted and is configured again delivers for itself. */
  #deliverer({ shop, pipeline, adopts }: Replay): Pipeline | undefined {
    const { find } = this.#tools;
    return adopts !== undefined && find({ shop, pipeline: adopts }) ? undefined : find({ shop, pipeline });
  }

  #whyBlocked({ shop, pipeline, adopts }: Replay): string {
    const isBack = adopts !== undefined && this.#tools.find({ shop, pipeline }) !== undefined;
    return isBack ? `${adopts} is configured again` : 'its pipeline is not configured';
  }

  #job(replay: Replay, progress: Progress | undefined): ReplayJob {
    const { id, shop, pipeline, after, to, startedAt, ended, adopts } = replay;
    const blocked = !ended && this.#deliverer(replay) === undefined;
    const state = ended ?? (blocked ? 'blocked' : wayOf(progress));
    const reason = state === 'blocked' ? this.#whyBlocked(replay) : reasonOf(state, progress);
    const { failingSince } = progress ?? {};
    return {
      id,
      shop,
      pipeline,
      ...(adopts !== undefined && { adopts }),
      state,
      ...(reason !== undefined && { reason }),
      ...(state === 'failing' && failingSince && { failing_since: new Date(failingSince).toISOString() }),
      from: after + 1,
      to,
      position: progress?.position ?? after,
      delivered: progress?.delivered ?? 0,
      dead: progress?.dead ?? 0,
      filtered: Object.values(progress?.filtered ?? {}).reduce((sum, count) => sum + count, 0),
      started_at: new Date(startedAt).toISOString(),
    };
  }

  #progress(replay: Replay): Promise<Progress | undefined> {
    return this.#tools.store.state.progress(nameOf(replay));
  }
}

const wayOf = (progress: Progress | undefined) =>
  progress?.suspended ? 'suspended' : progress?.failingSince === undefined ? 'running' : 'failing';

const reasonOf = (state: ReplayJob['state'], progress: Progress | undefined): string | undefined =>
  state === 'suspended' ? progress?.suspended?.reason : state === 'failing' ? progress?.failure?.reason : undefined;

const isAdoptionOf = ({ shop, adopts }: Replay, id: PipelineRef): boolean => shop === id.shop && adopts === id.pipeline;

const nameOf = (replay: Replay): PipelineRef => ({ shop: replay.shop, pipeline: replayName(replay) });

/** The pipeline's own filter, and of that only these types. */
function routeOf(pipeline: Pipeline, types: readonly string[] | undefined): Route {
  const own = router(pipeline);
  if (types === undefined) return own;
  const chosen = router({ events: [...types], consent: [], whenUnknown: 'send' });
  return (event) => own(event) ?? chosen(event);
}
