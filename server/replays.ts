import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { LogUnavailable, type Stored } from '../adapters/logs/log.ts';
import type { Progress, Replay } from '../adapters/logs/state.ts';
import type { Store } from '../adapters/logs/store.ts';
import type { Pipeline } from '../schemas/config.ts';
import { aborted, type Clock } from './clock.ts';
import {
  BadOrder,
  NotFound,
  type PipelineRef,
  type ReplayJob,
  type ReplayOrder,
  type ReplayPlan,
} from './operations.ts';
import { type Route, router } from './route.ts';

/** Between two tries to go on after the log could not be reached. */
export const UNAVAILABLE_WAIT_MS = 1000;
const READ_AT_ONCE = 1000;
const NOW = AbortSignal.abort();

export interface ReplayTools {
  readonly store: Store;
  /** Whether this process delivers; one that only takes events writes down what is to be replayed. */
  readonly moves: boolean;
  readonly clock: Clock;
  /** The configured pipeline of that name. */
  readonly find: (ref: PipelineRef) => Pipeline | undefined;
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
  /** Aborts when the configuration has changed. */
  #reconfigured = new AbortController();
  #followed: Promise<void> = Promise.resolve();

  constructor(tools: ReplayTools) {
    this.#tools = tools;
  }

  /** Runs what is to be replayed, what was under way when the last process ended included, until `stop`. */
  follow(): void {
    if (this.#tools.moves) this.#followed = this.#follow();
  }

  /**
   * Call it when the configuration has changed. Resolves when no replay delivers with what a pipeline was before; those whose pipeline
   * is still configured go on with what it is now.
   */
  async reconfigured(): Promise<void> {
    const outdated = [...this.#running].filter(
      ([, { replay, pipeline }]) => !isDeepStrictEqual(this.#tools.find(replay), pipeline),
    );
    await Promise.all(outdated.map(([id]) => this.#end(id)));
    this.#reconfigured.abort();
  }

  async plan(order: ReplayOrder): Promise<ReplayPlan> {
    const { store } = this.#tools;
    const { shop, pipeline: name } = order;
    const pipeline = this.#pipeline(order);
    const { after, to } = await this.#stretch(order);
    const route = routeOf(pipeline, order.types);
    const progress = await store.state.progress({ shop, pipeline: name });
    const plan = {
      events: 0,
      wanted: 0,
      again: 0,
      byType: {} as Record<string, number>,
      filtered: {} as Record<string, number>,
    };
    for await (const { position, event } of stretch(store, shop, after, to)) {
      plan.events += 1;
      const reason = route(event);
      if (reason) {
        plan.filtered[reason] = (plan.filtered[reason] ?? 0) + 1;
        continue;
      }
      plan.wanted += 1;
      plan.byType[event.event_type] = (plan.byType[event.event_type] ?? 0) + 1;
      if (
        progress &&
        position > progress.start &&
        position <= progress.position &&
        !(await isDead(store, order, position))
      )
        plan.again += 1;
    }
    return { shop, pipeline: name, from: after + 1, to, ...plan };
  }

  async start(order: ReplayOrder): Promise<ReplayJob> {
    const { store, clock } = this.#tools;
    this.#pipeline(order);
    const { after, to } = await this.#stretch(order);
    const known = await store.state.replays();
    const number = 1 + known.reduce((highest, { id }) => Math.max(highest, Number(id.slice(1))), 0);
    const { shop, pipeline, types } = order;
    const replay: Replay = { id: `r${number}`, shop, pipeline, after, to, types, startedAt: clock.now() };
    await store.state.saveReplay(replay);
    return this.#job(replay, undefined);
  }

  async jobs(): Promise<ReplayJob[]> {
    const { state } = this.#tools.store;
    const replays = await state.replays();
    const standings = await state.standings(replays.map(ownId));
    return replays.map((replay, i) => this.#job(replay, standings[i]?.progress));
  }

  async cancel(id: string): Promise<void> {
    const replay = (await this.#tools.store.state.replays()).find((one) => one.id === id);
    if (replay === undefined) throw new NotFound(`no replay ${id}`);
    if (!replay.ended) await this.#tools.store.state.saveReplay({ ...replay, ended: 'cancelled' });
  }

  /** Every replay's progress and dead letters are kept under a name of its own. */
  async ids(): Promise<PipelineRef[]> {
    return (await this.#tools.store.state.replays()).map(({ id, shop, pipeline }) => ({
      shop,
      pipeline: replayName(pipeline, id),
    }));
  }

  /** Has a replay look through its dead letters again, or go on after a suspension. Gives false where there is none of that name. */
  async revive(ref: PipelineRef): Promise<boolean> {
    const { state } = this.#tools.store;
    const replay = (await state.replays()).find(
      ({ id, shop, pipeline }) => shop === ref.shop && replayName(pipeline, id) === ref.pipeline,
    );
    if (replay === undefined) return false;
    await state.resume(ref);
    if (replay.ended) await state.saveReplay({ ...replay, revived: true });
    return true;
  }

  /** The lowest position of each shop that a replay has yet to read: the log keeps what comes after. */
  async passed(): Promise<ReadonlyMap<string, number>> {
    const { state } = this.#tools.store;
    const open = (await state.replays()).filter(({ ended }) => !ended);
    const standings = await state.standings(open.map(ownId));
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
        this.#reconfigured = new AbortController();
        const reconfigured = this.#reconfigured.signal;
        await this.#runThose(await store.state.replays());
        await aborted(AbortSignal.any([changed, reconfigured, signal]));
      } catch (error) {
        if (!(error instanceof LogUnavailable)) return onFailure(error);
        await clock.sleep(UNAVAILABLE_WAIT_MS, signal);
      }
    }
  }

  /** Starts those that are to run, and stops those that are not any more. */
  async #runThose(replays: readonly Replay[]): Promise<void> {
    const open = replays.filter(({ ended, revived }) => !ended || revived);
    for (const replay of open) if (!this.#running.has(replay.id)) this.#start(replay);
    const over = [...this.#running.keys()].filter((id) => !open.some((one) => one.id === id));
    await Promise.all(over.map((id) => this.#end(id)));
  }

  #start(replay: Replay): void {
    const pipeline = this.#tools.find(replay);
    // Its pipeline is not configured now; it goes on when that is back.
    if (pipeline === undefined) return;
    const stop = new AbortController();
    this.#running.set(replay.id, { replay, pipeline, stop, ended: this.#run(replay, pipeline, stop.signal) });
  }

  async #run(replay: Replay, pipeline: Pipeline, signal: AbortSignal): Promise<void> {
    const { store, clock, run, onFailure } = this.#tools;
    const { revived: _, ...rest } = replay;
    // What was cancelled stays so; only its dead letters are tried.
    const to = replay.ended === 'cancelled' ? ((await this.#progress(replay))?.position ?? replay.after) : replay.to;
    while (!signal.aborted) {
      try {
        await run({ ...replay, to }, pipeline, routeOf(pipeline, replay.types), signal);
        const progress = await this.#progress(replay);
        if (progress === undefined || progress.position < to || progress.suspended) continue;
        return await store.state.saveReplay({ ...rest, ended: replay.ended ?? 'done' });
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof LogUnavailable)) return onFailure(error);
        await clock.sleep(UNAVAILABLE_WAIT_MS, signal);
      }
    }
  }

  async #end(id: string): Promise<void> {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.stop.abort();
    await running?.ended;
  }

  #pipeline(ref: PipelineRef): Pipeline {
    const pipeline = this.#tools.find(ref);
    if (pipeline === undefined) throw new NotFound(`no pipeline ${ref.pipeline} in the shop ${ref.shop}`);
    return pipeline;
  }

  async #stretch({ shop, from, to }: ReplayOrder): Promise<{ readonly after: number; readonly to: number }> {
    const { log } = this.#tools.store;
    const { oldest, newest } = await log.extent(shop);
    const after = Math.max(oldest - 1, from === undefined ? 0 : await log.before(shop, Date.parse(from)));
    const end = to === undefined ? newest : await log.before(shop, Date.parse(to));
    if (end <= after)
      throw new BadOrder(
        `no event of ${shop} was received from ${from ?? 'the beginning'} to ${to ?? 'now'} (the log keeps ${Math.max(0, newest - oldest + 1)})`,
      );
    return { after, to: end };
  }

  #job(replay: Replay, progress: Progress | undefined): ReplayJob {
    const { id, shop, pipeline, after, to, startedAt, ended } = replay;
    const waits = !ended && this.#tools.find(replay) === undefined;
    const reason = ended ? undefined : waits ? 'its pipeline is not configured' : progress?.suspended?.reason;
    const state = ended ?? (waits ? 'waiting' : progress?.suspended ? 'suspended' : 'running');
    return {
      id,
      shop,
      pipeline,
      state,
      ...(reason !== undefined && { reason }),
      from: after + 1,
      to,
      position: progress?.position ?? after,
      delivered: progress?.delivered ?? 0,
      dead: progress?.dead ?? 0,
      filtered: Object.values(progress?.filtered ?? {}).reduce((sum, count) => sum + count, 0),
      startedAt: new Date(startedAt).toISOString(),
    };
  }

  #progress(replay: Replay): Promise<Progress | undefined> {
    return this.#tools.store.state.progress(ownId(replay));
  }
}

async function isDead({ state }: Store, ref: PipelineRef, position: number): Promise<boolean> {
  const letter = await state.deadAt({ shop: ref.shop, pipeline: ref.pipeline }, position);
  return letter !== undefined && letter.ended?.kind !== 'delivered';
}

/** Under which pipeline name a replay keeps its progress and names itself to its destination. */
export const replayName = (pipeline: string, id: string): string => `${pipeline}-${id}`;

const ownId = ({ shop, pipeline, id }: Replay): PipelineRef => ({ shop, pipeline: replayName(pipeline, id) });

/** The pipeline's own filter, and of that only these types. */
function routeOf(pipeline: Pipeline, types: readonly string[] | undefined): Route {
  const own = router(pipeline);
  if (types === undefined) return own;
  const chosen = router({ events: [...types], consent: [], whenUnknown: 'send' });
  return (event) => own(event) ?? chosen(event);
}

async function* stretch({ log }: Store, shop: string, after: number, to: number): AsyncGenerator<Stored> {
  for (let position = after; position < to; ) {
    const stored = await log.read(shop, position, Math.min(READ_AT_ONCE, to - position), NOW);
    for (const one of stored) if (one.position <= to) yield one;
    position = stored.at(-1)?.position ?? to;
    // Reading is synchronous underneath: others get their turn.
    await nextTurn();
  }
}
