import { isDeepStrictEqual } from 'node:util';
import { LogUnavailable } from '../../adapters/logs/log.ts';
import type { Progress } from '../../adapters/logs/state/progress.ts';
import type { Replay } from '../../adapters/logs/state/replays.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { PipelineRef } from '../../schemas/admin-api/pipelines.ts';
import type { Pipeline } from '../../schemas/config.ts';
import { aborted, type Clock } from '../base/clock.ts';
import { UNAVAILABLE_WAIT_MS } from '../deliver/pipelines.ts';
import type { Route } from '../deliver/route.ts';
import { delivererOf, nameOf, routeOf } from './replay-job.ts';

export interface ReplayTools {
  readonly store: Store;
  /** Whether this process delivers. One that does not only saves orders for replays. */
  readonly deliversEvents: boolean;
  readonly clock: Clock;
  /** The configured pipeline of that name. */
  readonly find: (ref: PipelineRef) => Pipeline | undefined;
  /** The same. Throws NotFound if there is none. */
  readonly get: (ref: PipelineRef) => Pipeline;
  /** Delivers a stretch through connections of its own until it is done, the signal aborts, or another process wants it. */
  readonly run: (replay: Replay, pipeline: Pipeline, route: Route, signal: AbortSignal) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

/** A replay's loop, and the pipeline configuration that it delivers with. */
interface Run {
  readonly replay: Replay;
  readonly pipeline: Pipeline;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** Runs a loop for each replay that is to run: starts it, ends it, and starts it again after a change. */
export class ReplayRunner {
  readonly #tools: ReplayTools;
  readonly #running = new Map<string, Run>();
  readonly #stopping = new AbortController();
  /** Aborts when the set of replays that should run may have changed. */
  #lookAgain = new AbortController();
  #followed: Promise<void> = Promise.resolve();

  constructor(tools: ReplayTools) {
    this.#tools = tools;
  }

  /** Runs replays until `stop`, also those that the last process left unfinished. */
  start(): void {
    this.#followed = this.#follow();
  }

  /**
   * Call it when the configuration has changed. Resolves when no replay uses an old pipeline configuration any more; replays whose pipeline
   * is still configured continue with the new one.
   */
  async reconfigured(): Promise<void> {
    const outdated = [...this.#running].filter(
      ([, { replay, pipeline }]) => !isDeepStrictEqual(delivererOf(replay, this.#tools.find), pipeline),
    );
    await Promise.all(outdated.map(([id]) => this.#end(id)));
    this.#lookAgain.abort();
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
        const changed = store.state.replays.changed();
        this.#lookAgain = new AbortController();
        const again = this.#lookAgain.signal;
        await this.#runThose(await store.state.replays.all());
        await aborted(AbortSignal.any([changed, again, signal]));
      } catch (error) {
        if (!(error instanceof LogUnavailable)) return onFailure(error);
        await clock.sleep(UNAVAILABLE_WAIT_MS, signal);
      }
    }
  }

  /** Starts the replays that should run and ends the others. */
  async #runThose(replays: readonly Replay[]): Promise<void> {
    const open = new Map(replays.filter(({ ended, revived }) => !ended || revived).map((one) => [one.id, one]));
    // A replay that was cancelled while its dead letters were tried is started anew, for those alone.
    const over = [...this.#running].filter(([id, { replay }]) => open.get(id)?.ended !== replay.ended || !open.has(id));
    await Promise.all(over.map(([id]) => this.#end(id)));
    for (const [id, replay] of open) if (!this.#running.has(id)) this.#startOne(replay);
  }

  #startOne(replay: Replay): void {
    const pipeline = delivererOf(replay, this.#tools.find);
    // Blocked until its pipeline is configured again.
    if (pipeline === undefined) return;
    const stop = new AbortController();
    const ended = this.#run(replay, pipeline, stop.signal).finally(() => {
      if (this.#running.get(replay.id)?.stop !== stop) return;
      this.#running.delete(replay.id);
      // It may have been revived in between.
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

  /** Runs a replay once. Gives the replay to run next, if it is not done. */
  async #runOnce(replay: Replay, pipeline: Pipeline, signal: AbortSignal): Promise<Replay | undefined> {
    const { store, clock, run } = this.#tools;
    // A cancelled replay reads no further: only its dead letters are tried.
    const to = replay.ended === 'cancelled' ? ((await this.#progress(replay))?.position ?? replay.after) : replay.to;
    await run({ ...replay, to }, pipeline, routeOf(pipeline, replay.types), signal);
    const progress = await this.#progress(replay);
    if (progress === undefined || progress.position < to || progress.suspended) return replay;
    const done = { kind: 'done', at: clock.now(), revived: replay.revived } as const;
    const changed = await store.state.replays.change(replay.id, done);
    // If it was revived in between, it has to look at its dead letters again.
    return changed?.revived ? changed : undefined;
  }

  async #end(id: string): Promise<void> {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.stop.abort();
    await running?.ended;
  }

  #progress(replay: Replay): Promise<Progress | undefined> {
    return this.#tools.store.state.cursors.progress(nameOf(replay));
  }
}
