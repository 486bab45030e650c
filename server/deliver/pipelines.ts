import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Destination, Outbound, Sender } from '../../adapters/destinations/destination.ts';
import { LogUnavailable, type Position } from '../../adapters/logs/log.ts';
import type { Cursor } from '../../adapters/logs/state/cursors.ts';
import type { Progress } from '../../adapters/logs/state/progress.ts';
import { type Replay, replayName } from '../../adapters/logs/state/replays.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import type { Store } from '../../adapters/logs/store.ts';
import { type Config, type Pipeline, settingsOf } from '../../schemas/config.ts';
import { aborted, type Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { type DeliverOptions, deliver } from './deliver.ts';
import { logLinesOf } from './log-lines.ts';
import { pipelineNotFound } from './not-found.ts';
import { isOrphaned, orphanOf } from './orphaned.ts';
import { type Route, router } from './route.ts';
import { type StandingSource, stateOf } from './standing.ts';

/** Wait between two tries while the log cannot be reached. */
export const UNAVAILABLE_WAIT_MS = 1000;

export interface PipelineTools {
  readonly store: Store;
  /** Whether this process delivers. One that only takes events still gives new pipelines their start position. */
  readonly deliversEvents: boolean;
  readonly destinations: readonly Destination[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Called with what pipelines settle, for the tail. */
  readonly tail?: (
    id: PipelineId,
    kind: 'delivered' | 'dead' | 'retried',
    events: readonly Outbound[],
    status: string,
  ) => void;
  /** Called when a pipeline's loop ends with an unexpected error: its state could not be saved or read. */
  readonly onFailure: (error: unknown) => void;
}

/** How one pipeline stands. */
export interface PipelineStatus extends StandingSource {
  readonly id: PipelineId;
  /** Type of its destination; absent if the pipeline is not configured. */
  readonly destination?: string;
  /** The newest position on its shop's log. */
  readonly newest: Position;
}

/** A configured pipeline, and its loop if this process delivers. */
interface Configured {
  readonly id: PipelineId;
  readonly pipeline: Pipeline;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** Pipelines compared with a new configuration in one turn of the event loop. */
export const COMPARED_AT_ONCE = 100;

/** Runs the pipelines of a configuration, each in its own loop, so that a dead destination delays no other pipeline. */
export class Pipelines {
  readonly #tools: PipelineTools;
  readonly #configured = new Map<string, Configured>();
  readonly #stopping = new AbortController();
  /** New configurations and the stop run one after the other, so that nothing starts after the stop. */
  #last: Promise<void> = Promise.resolve();

  constructor(tools: PipelineTools) {
    this.#tools = tools;
  }

  /**
   * Starts and stops pipelines so that exactly the configured ones run. Unchanged pipelines are not touched; if it throws, none is.
   * Configurations are taken one after the other. Rejects with LogUnavailable, or with an AbortError once `stop` was called.
   */
  follow(config: Config): Promise<void> {
    return this.#inTurn(() => this.#follow(config));
  }

  /** Stops all pipelines. What is being sent is finished or given up; nothing is settled that was not answered. */
  stop(): Promise<void> {
    this.#stopping.abort();
    // A configuration that is being taken notices the stop by itself.
    for (const { stop } of this.#configured.values()) stop.abort();
    return this.#inTurn(async () => {
      await Promise.all([...this.#configured.values()].map(end));
      this.#configured.clear();
    });
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#last.then(step);
    this.#last = done.catch(() => {});
    return done;
  }

  async #follow(config: Config): Promise<void> {
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    const wanted = new Map<string, { shop: string; pipeline: Pipeline }>(
      config.shops.flatMap(({ shop, pipelines }) =>
        pipelines.map((pipeline) => [`${shop}/${pipeline.id}`, { shop, pipeline }] as const),
      ),
    );
    const outdated = new Map<string, Configured>();
    let compared = 0;
    for (const [key, one] of this.#configured) {
      if (!isDeepStrictEqual(wanted.get(key)?.pipeline, one.pipeline)) outdated.set(key, one);
      compared += 1;
      // There may be thousands of pipelines: let other work run in between.
      if (compared % COMPARED_AT_ONCE === 0) await nextTurn();
    }
    const coming = [...wanted]
      .filter(([key]) => outdated.has(key) || !this.#configured.has(key))
      .map(([key, { shop, pipeline }]) => ({ key, id: { shop, pipeline: pipeline.id }, pipeline }));
    // Before any pipeline is ended, since the log may be unreachable.
    await this.#tools.store.state.cursors.beginAll(coming.map(({ id }) => id));
    if (this.#tools.deliversEvents) await this.#resumeReturning(coming.map(({ id }) => id));
    signal.throwIfAborted();
    await Promise.all([...outdated.values()].map(end));
    signal.throwIfAborted();
    // Swap without awaiting, so that nothing sees a mix of the old and the new configuration.
    for (const key of outdated.keys()) this.#configured.delete(key);
    for (const { key, id, pipeline } of coming) this.#configured.set(key, this.#start(id, pipeline));
  }

  /** Every configured pipeline, whichever process delivers it, and the orphans that still owe something. Throws LogUnavailable. */
  async statuses(): Promise<PipelineStatus[]> {
    return (await this.allStatuses()).filter((one) => one.state !== 'orphaned' || isOrphaned(one));
  }

  /** The same, with orphans that owe nothing any more. */
  async allStatuses(): Promise<PipelineStatus[]> {
    const { log, state } = this.#tools.store;
    // Read the standings first: if the log grows in between, more is pending, and never a negative number.
    const standings = await state.cursors.everyStanding();
    const rests = await log.rests(standings.map(({ id: { shop }, progress }) => ({ shop, after: progress.position })));
    return standings.flatMap((standing, i) => {
      const { id, progress, unmovedSince } = standing;
      const { newest, oldestAt } = rests[i] ?? { newest: 0, oldestAt: undefined };
      const pipeline = this.find(id);
      if (pipeline === undefined) return orphanOf(standing, { newest, oldestAt }) ?? [];
      const pending = Math.max(0, newest - progress.position);
      const state = stateOf(standing, newest);
      return { id, destination: pipeline.destination.type, state, progress, newest, pending, oldestAt, unmovedSince };
    });
  }

  /** The configured pipeline of that name. Throws NotFound if there is none. */
  get(ref: PipelineId): Pipeline {
    const pipeline = this.find(ref);
    if (pipeline) return pipeline;
    throw pipelineNotFound(
      ref,
      [...this.#configured.values()].map(({ id }) => id),
    );
  }

  /** The configured pipeline of that name, if there is one. */
  find({ shop, pipeline }: PipelineId): Pipeline | undefined {
    return this.#configured.get(`${shop}/${pipeline}`)?.pipeline;
  }

  /** Runs a replay: delivers its stretch through connections of its own and under a name of its own. Returns early if another process wants it. */
  async replay(replay: Replay, pipeline: Pipeline, route: Route, signal: AbortSignal): Promise<void> {
    const { shop, after, to } = replay;
    const own = { shop, pipeline: replayName(replay) };
    await this.#tools.store.state.cursors.begin(own, after);
    await this.#withClaim(own, pipeline, signal, async (options, held) => {
      if (replay.adopts !== undefined) await this.#rememberRule(own, pipeline, options.cursor.progress);
      if (await deliver({ ...options, route, until: to }, held)) await aborted(held);
    });
  }

  /** Pipelines that left the configuration and are in it again continue from where they were. */
  async #resumeReturning(ids: readonly PipelineId[]): Promise<void> {
    const { log, state } = this.#tools.store;
    const standings = await state.cursors.standings(ids);
    const back = ids.filter((_, i) => standings[i]?.progress.left);
    const heads = await log.heads(back.map(({ shop }) => shop));
    await state.cursors.settleAll(back.map((id, i) => ({ id, settlement: { kind: 'back', newest: heads[i] ?? 0 } })));
  }

  #start(id: PipelineId, pipeline: Pipeline): Configured {
    const stop = new AbortController();
    const ended = this.#tools.deliversEvents ? this.#deliver(id, pipeline, stop.signal) : Promise.resolve();
    return { id, pipeline, stop, ended };
  }

  /** Delivers a pipeline whenever this process can claim it, until the signal aborts. */
  async #deliver(id: PipelineId, pipeline: Pipeline, signal: AbortSignal): Promise<void> {
    const { clock, logger, onFailure } = this.#tools;
    while (!signal.aborted) {
      try {
        await this.#withClaim(id, pipeline, signal, async (options, held) => {
          await this.#rememberRule(id, pipeline, options.cursor.progress);
          // While it is suspended, keep the claim: there is nothing to do until another process wants it.
          if (await deliver(options, held)) await aborted(held);
        });
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof LogUnavailable)) return onFailure(error);
        logger.warn({ ...id, reason: error.message }, 'pipeline waits for the log');
        await clock.sleep(UNAVAILABLE_WAIT_MS, signal);
      }
    }
  }

  /** Claims a pipeline, works on it until the signal aborts or another process wants it, and releases it. */
  async #withClaim(
    id: PipelineId,
    pipeline: Pipeline,
    signal: AbortSignal,
    work: (options: DeliverOptions, held: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const cursor = await this.#tools.store.state.cursors.claim(id, signal);
    const options = this.#options(id, pipeline, cursor);
    try {
      await work(options, AbortSignal.any([signal, cursor.wanted]));
    } finally {
      await Promise.all(options.senders.map((sender) => sender.close?.()));
      await cursor.release();
    }
  }

  #options(id: PipelineId, pipeline: Pipeline, cursor: Cursor): DeliverOptions {
    const { store, clock, random, logger, tail } = this.#tools;
    return {
      ...id,
      ...this.#connect(pipeline, id),
      id,
      log: store.log,
      state: store.state,
      cursor,
      route: router(pipeline),
      clock,
      random,
      ...logLinesOf(id, cursor, store.log, logger),
      ...(tail && { onSettled: (kind, events, answer) => tail(id, kind, events, answer) }),
    };
  }

  /** One connection per lane. */
  #connect(pipeline: Pipeline, id: PipelineId): { readonly senders: Sender[]; readonly maxBatch: number } {
    const { destinations, clock, logger } = this.#tools;
    const destination = destinations.find(({ type }) => type === pipeline.destination.type);
    if (destination === undefined) throw new Error(`no destination of type ${pipeline.destination.type}`);
    const settings = settingsOf(pipeline.destination) as Parameters<Destination['connect']>[0];
    const tools = { now: clock.now, logger: logger.child(id) };
    const senders = Array.from({ length: pipeline.lanes }, () => destination.connect(settings, tools));
    return { senders, maxBatch: destination.maxBatch(settings) };
  }

  /** Saves the filter and the position from which it applies: receipts need it. */
  async #rememberRule(
    id: PipelineId,
    { events, channels, trust, consent, whenUnknown }: Pipeline,
    { position }: Progress,
  ): Promise<void> {
    const { state } = this.#tools.store;
    // The default is left out, as in rules that were saved before the setting existed.
    const rule = { since: position + 1, events, channels, consent, whenUnknown, ...(trust === 'server' && { trust }) };
    const last = await state.journal.ruleAt(id, Number.MAX_SAFE_INTEGER);
    const { since: _, ...same } = rule;
    const { since: __, ...known } = last ?? { since: 0 };
    if (JSON.stringify(same) !== JSON.stringify(known)) await state.journal.saveRule(id, rule);
  }
}

function end({ stop, ended }: Configured): Promise<void> {
  stop.abort();
  return ended;
}
