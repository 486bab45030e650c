import { destinations } from '../../adapters/destinations/index.ts';
import { LogUnavailable } from '../../adapters/logs/log.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { Config } from '../../schemas/config.ts';
import type { Settings } from '../../schemas/settings.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { Pipelines } from '../deliver/pipelines.ts';
import { Orphans } from '../operate/orphans.ts';
import { createOverview, type Overview } from '../operate/overview.ts';
import { Replays } from '../operate/replays.ts';
import { settledLines } from '../operate/tail/lines.ts';
import type { Tail } from '../operate/tail/tail.ts';
import { runUpkeep } from '../operate/upkeep.ts';

export interface DeliveriesOptions {
  readonly store: Store;
  readonly config: Config;
  readonly settings: Settings;
  /** Whether this process moves pipelines. One that does not still knows them, and how they do. */
  readonly deliversEvents: boolean;
  readonly tail: Pick<Tail, 'listening' | 'publish'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly onDropped: (shop: string, events: number) => void;
  /** Called with how many ended replays were let go of. */
  readonly onForgotten: (replays: number) => void;
  readonly onFailure: (error: unknown) => void;
}

/** The half of a gateway that is not about requests: pipelines, replays, and the upkeep of the log. */
export interface Deliveries {
  readonly pipelines: Pipelines;
  readonly replays: Replays;
  readonly orphans: Orphans;
  /** The shops of the configuration that is followed. */
  shops(): readonly string[];
  /** How all pipelines and shops do, as it was a moment ago, a second at most. */
  overview(): Promise<Overview>;
  /** Has a place on the log for every pipeline when it resolves: events that come from then on reach it. */
  follow(config: Config): Promise<void>;
  stop(): Promise<void>;
}

export async function startDeliveries(options: DeliveriesOptions): Promise<Deliveries> {
  const { tail, clock, config } = options;
  const pipelines = new Pipelines({
    ...options,
    destinations,
    tail: (id, kind, events, status) => {
      if (!tail.listening) return;
      for (const line of settledLines(id, kind, events, status, clock.now())) tail.publish(line);
    },
  });
  const replays = new Replays({
    ...options,
    find: (ref) => pipelines.find(ref),
    named: (ref) => pipelines.named(ref),
    run: (...replay) => pipelines.replay(...replay),
  });
  const orphans = new Orphans({ ...options, pipelines });
  let shops = namesOf(config);
  const overview = createOverview({
    ...options.store,
    shops: () => shops,
    statuses: () => pipelines.statuses(),
    now: clock.steady,
  });
  await pipelines.follow(config);
  replays.follow();
  // A pipeline may still be held by a process that is gone: whoever starts does not wait for that.
  let looking = options.deliversEvents ? look(orphans, options) : Promise.resolve();
  const stopping = new AbortController();
  const upkeep = options.deliversEvents
    ? runUpkeep({ ...options, pipelines, replays, orphans, shops: () => shops }, stopping.signal)
    : Promise.resolve();
  return {
    pipelines,
    replays,
    orphans,
    shops: () => shops,
    overview: overview.ask,
    follow: async (next) => {
      await pipelines.follow(next);
      await replays.reconfigured();
      shops = namesOf(next);
      overview.forget();
      if (options.deliversEvents) looking = looking.then(() => look(orphans, options));
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([pipelines.stop(), replays.stop(), upkeep, looking]);
    },
  };
}

/** Names the orphans of a new configuration; where the log is away the upkeep does it later. */
async function look(orphans: Orphans, { logger, onFailure }: DeliveriesOptions): Promise<void> {
  try {
    await orphans.look();
  } catch (error) {
    if (!(error instanceof LogUnavailable)) onFailure(error);
    else logger.warn({ reason: error.message }, 'pipelines that left the configuration are looked for later');
  }
}

const namesOf = ({ shops }: Config): string[] => shops.map(({ shop }) => shop);
