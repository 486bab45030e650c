import type { Destination, Sender } from '../adapters/destinations/destination.ts';
import type { Position } from '../adapters/logs/log.ts';
import type { Cursor, PipelineId, Progress } from '../adapters/logs/state.ts';
import type { Store } from '../adapters/logs/store.ts';
import type { Config, Pipeline } from '../schemas/config.ts';
import type { Clock } from './clock.ts';
import { settingsOf } from './config.ts';
import { deliver } from './deliver.ts';
import type { Logger } from './logger.ts';
import { router } from './route.ts';
import type { Attempt, Phase } from './send.ts';

export interface PipelineTools {
  readonly store: Store;
  readonly destinations: readonly Destination[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Called when a pipeline's loop ends with an error of ours: its state could not be saved or read. */
  readonly onFailure: (error: unknown) => void;
}

/** A pipeline as it runs. */
export interface Running {
  readonly id: PipelineId;
  readonly phase: Phase;
  readonly progress: Progress;
  /** Events of the log that it has not finished. */
  readonly pending: number;
}

interface Loop {
  readonly id: PipelineId;
  /** What it was started with: another text means another pipeline. */
  readonly config: string;
  readonly cursor: Cursor;
  readonly status: { phase: Phase };
  readonly stop: AbortController;
  readonly ended: Promise<void>;
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
      ([key, { config: was }]) => JSON.stringify(wanted.get(key)?.pipeline) !== was,
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
      [...this.#loops.values()].map(async ({ id, cursor, status }) => {
        const { newest } = await this.#tools.store.log.extent(id.shop);
        return { id, phase: status.phase, progress: cursor.progress, pending: newest - cursor.progress.position };
      }),
    );
  }

  /** Up to where every pipeline of a shop has come; everything, where it has none. */
  passed(shop: string): Position {
    const positions = [...this.#loops.values()]
      .filter(({ id }) => id.shop === shop)
      .map(({ cursor }) => cursor.progress.position);
    return Math.min(Number.MAX_SAFE_INTEGER, ...positions);
  }

  async #start(shop: string, pipeline: Pipeline): Promise<Loop> {
    const { store, destinations, clock, random, logger } = this.#tools;
    const destination = destinations.find(({ type }) => type === pipeline.destination.type);
    if (destination === undefined) throw new Error(`no destination of type ${pipeline.destination.type}`);
    const id = { shop, pipeline: pipeline.id };
    const settings = settingsOf(pipeline.destination) as Parameters<Destination['connect']>[0];
    const stop = new AbortController();
    const cursor = await store.state.claim(id, stop.signal);
    const sender = destination.connect(settings, { now: clock.now, logger: logger.child(id) });
    const status: { phase: Phase } = { phase: { kind: 'waiting' } };
    const loop = deliver(
      {
        shop,
        pipeline: pipeline.id,
        log: store.log,
        cursor,
        route: router(pipeline),
        sender,
        maxBatch: destination.maxBatch(settings),
        clock,
        random,
        onPhase: (phase) => {
          status.phase = phase;
          if (phase.kind === 'suspended') logger.error({ ...id, reason: phase.reason }, 'pipeline suspended');
        },
        onAttempt: (attempt) => logAttempt(logger, attempt),
      },
      stop.signal,
    );
    const ended = this.#ending(loop, sender, cursor);
    return { id, config: JSON.stringify(pipeline), cursor, status, stop, ended };
  }

  async #ending(loop: Promise<void>, sender: Sender, cursor: Cursor): Promise<void> {
    try {
      await loop;
    } catch (error) {
      this.#tools.onFailure(error);
    }
    await sender.close?.();
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
