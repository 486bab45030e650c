import { isDeepStrictEqual } from 'node:util';
import type { Destination, Outbound, Sender } from '../adapters/destinations/destination.ts';
import type { Position } from '../adapters/logs/log.ts';
import type { Cursor, PipelineId, Progress, Replay, Suspension } from '../adapters/logs/state.ts';
import type { Store } from '../adapters/logs/store.ts';
import type { Config, Pipeline } from '../schemas/config.ts';
import type { Clock } from './clock.ts';
import { settingsOf } from './config.ts';
import { type DeliverOptions, deliver } from './deliver.ts';
import type { Logger } from './logger.ts';
import { replayName } from './replays.ts';
import { type Route, router } from './route.ts';
import type { Attempt, Phase } from './send.ts';

export interface PipelineTools {
  readonly store: Store;
  readonly destinations: readonly Destination[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Called with what pipelines settle, for whoever watches. */
  readonly tail?: (
    id: PipelineId,
    kind: 'delivered' | 'dead' | 'retried',
    events: readonly Outbound[],
    status: string,
  ) => void;
  /** Called when a pipeline's loop ends with an error of ours: its state could not be saved or read. */
  readonly onFailure: (error: unknown) => void;
}

/** A pipeline as it runs. */
export interface Running {
  readonly id: PipelineId;
  /** Type of its destination. */
  readonly destination: string;
  readonly phase: Phase;
  readonly progress: Progress;
  /** Events of the log that it has not finished. */
  readonly pending: number;
}

interface Loop {
  readonly id: PipelineId;
  readonly pipeline: Pipeline;
  readonly cursor: Cursor;
  readonly status: { phase: Phase };
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  /** Has the loop look through its dead letters again. */
  readonly nudge: () => void;
}

/** Runs the pipelines of a configuration, each in its own loop, so that a dead destination holds up nobody else. */
export class Pipelines {
  readonly #tools: PipelineTools;
  readonly #loops = new Map<string, Loop>();

  constructor(tools: PipelineTools) {
    this.#tools = tools;
  }

  /** Starts, keeps or stops pipelines so that exactly the configured ones run. Those that did not change are not touched. */
  async follow(config: Config): Promise<void> {
    const wanted = new Map<string, { shop: string; pipeline: Pipeline }>(
      config.shops.flatMap(({ shop, pipelines }) =>
        pipelines.map((pipeline) => [`${shop}/${pipeline.id}`, { shop, pipeline }] as const),
      ),
    );
    const outdated = [...this.#loops].filter(
      ([key, { pipeline: was }]) => !isDeepStrictEqual(wanted.get(key)?.pipeline, was),
    );
    await Promise.all(outdated.map(([key]) => this.#end(key)));
    for (const [key, { shop, pipeline }] of wanted) {
      if (!this.#loops.has(key)) this.#loops.set(key, await this.#start(shop, pipeline));
    }
  }

  /** Stops all: what is being sent is finished or given up, and nothing is settled that was not answered. */
  async stop(): Promise<void> {
    await Promise.all([...this.#loops.keys()].map((key) => this.#end(key)));
  }

  async running(): Promise<Running[]> {
    return Promise.all(
      [...this.#loops.values()].map(async ({ id, pipeline, cursor, status }) => {
        const { newest } = await this.#tools.store.log.extent(id.shop);
        const { progress } = cursor;
        const { type: destination } = pipeline.destination;
        return { id, destination, phase: status.phase, progress, pending: Math.max(0, newest - progress.position) };
      }),
    );
  }

  /** The configured pipeline of that name. */
  find({ shop, pipeline }: PipelineId): Pipeline | undefined {
    return this.#loops.get(`${shop}/${pipeline}`)?.pipeline;
  }

  /** Delivers a stretch again, through connections of its own and under a name of its own; gives why it was suspended, if it was. */
  async replay(
    { id, shop, pipeline: name, after, to }: Replay,
    pipeline: Pipeline,
    route: Route,
    signal: AbortSignal,
  ): Promise<Suspension | undefined> {
    const own = { shop, pipeline: replayName(name, id) };
    const cursor = await this.#tools.store.state.claim(own, signal, after);
    const options = this.#options(own, pipeline, cursor, { phase: { kind: 'waiting' } });
    try {
      return await deliver({ ...options, route, until: to, nudge: () => new AbortController().signal }, signal);
    } finally {
      await this.#release(options);
    }
  }

  /** Up to where every pipeline of a shop has come; everything, where it has none. */
  passed(shop: string): Position {
    const positions = [...this.#loops.values()]
      .filter(({ id }) => id.shop === shop)
      .map(({ cursor }) => cursor.progress.position);
    return Math.min(Number.MAX_SAFE_INTEGER, ...positions);
  }

  /** Has a pipeline look through its dead letters for those to be tried once more. */
  nudge({ shop, pipeline }: PipelineId): void {
    this.#loops.get(`${shop}/${pipeline}`)?.nudge();
  }

  /** Stops a pipeline where it is. Gives false where none of that name runs. */
  async suspend({ shop, pipeline }: PipelineId, reason: string): Promise<boolean> {
    return this.#restart(`${shop}/${pipeline}`, ({ failingSince: _, ...progress }) => ({
      ...progress,
      suspended: { reason, at: this.#tools.clock.now() },
    }));
  }

  /** Lets a pipeline go on from where it was. Gives false where none of that name runs. */
  async resume({ shop, pipeline }: PipelineId): Promise<boolean> {
    return this.#restart(`${shop}/${pipeline}`, ({ failingSince: _, suspended: __, ...progress }) => progress);
  }

  async #restart(key: string, change: (progress: Progress) => Progress): Promise<boolean> {
    const loop = this.#loops.get(key);
    if (loop === undefined) return false;
    const { id, pipeline } = loop;
    await this.#end(key);
    const cursor = await this.#tools.store.state.claim(id, loop.stop.signal);
    await cursor.save({ progress: change(cursor.progress) });
    await cursor.release();
    this.#loops.set(key, await this.#start(id.shop, pipeline));
    return true;
  }

  async #start(shop: string, pipeline: Pipeline): Promise<Loop> {
    const id = { shop, pipeline: pipeline.id };
    const stop = new AbortController();
    const cursor = await this.#tools.store.state.claim(id, stop.signal);
    await this.#rememberRule(id, pipeline, cursor.progress);
    const status: { phase: Phase } = { phase: { kind: 'waiting' } };
    let nudger = new AbortController();
    const nudge = (): AbortSignal => {
      nudger = new AbortController();
      return nudger.signal;
    };
    const ended = this.#run({ ...this.#options(id, pipeline, cursor, status), nudge }, stop.signal);
    return { id, pipeline, cursor, status, stop, ended, nudge: () => nudger.abort() };
  }

  #options(id: PipelineId, pipeline: Pipeline, cursor: Cursor, status: { phase: Phase }): DeliverOptions {
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
      onPhase: (phase) => {
        status.phase = phase;
        if (phase.kind === 'suspended') logger.error({ ...id, reason: phase.reason }, 'pipeline suspended');
      },
      onAttempt: (attempt) => logAttempt(logger, attempt),
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

  /** Receipts ask which filter was in force where. */
  async #rememberRule(
    id: PipelineId,
    { events, channels, consent, whenUnknown }: Pipeline,
    { position }: Progress,
  ): Promise<void> {
    const { state } = this.#tools.store;
    const rule = { since: position + 1, events, channels, consent, whenUnknown };
    const last = await state.ruleAt(id, Number.MAX_SAFE_INTEGER);
    const { since: _, ...same } = rule;
    const { since: __, ...known } = last ?? { since: 0 };
    if (JSON.stringify(same) !== JSON.stringify(known)) await state.saveRule(id, rule);
  }

  async #run(options: DeliverOptions, signal: AbortSignal): Promise<void> {
    try {
      await deliver(options, signal);
    } catch (error) {
      this.#tools.onFailure(error);
    }
    await this.#release(options);
  }

  async #release({ senders, cursor }: DeliverOptions): Promise<void> {
    await Promise.all(senders.map((sender) => sender.close?.()));
    await cursor.release();
  }

  async #end(key: string): Promise<void> {
    const loop = this.#loops.get(key);
    if (loop === undefined) return;
    loop.stop.abort();
    await loop.ended;
    this.#loops.delete(key);
  }
}

function logAttempt(logger: Logger, attempt: Attempt): void {
  if (attempt.open + attempt.rejected > 0) logger.warn(attempt, 'delivery attempted');
  else logger.debug(attempt, 'delivery attempted');
}
