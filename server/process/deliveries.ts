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
  /** Whether this process delivers. One that does not still knows the pipelines and how they stand. */
  readonly deliversEvents: boolean;
  readonly tail: Pick<Tail, 'listening' | 'publish'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly onDropped: (shop: string, events: number) => void;
  /** Called with how many ended replays were forgotten. */
  readonly onForgotten: (replays: number) => void;
  readonly onFailure: (error: unknown) => void;
}

/** The half of a gateway that delivers: pipelines, replays, and the upkeep of the log. */
export interface Deliveries {
  readonly pipelines: Pipelines;
  readonly replays: Replays;
  readonly orphans: Orphans;
  /** The shops of the configuration in force. */
  shops(): readonly string[];
  /** How all pipelines and shops stand; at most a second old. */
  overview(): Promise<Overview>;
  /** Takes a configuration. When it resolves, every pipeline has its place on the log and gets the events that come from then on. */
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
    get: (ref) => pipelines.get(ref),
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
  // Not awaited: a pipeline may still be claimed by a process that is gone.
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

/** Logs the orphans of a new configuration; if the log cannot be reached, the upkeep does it later. */
async function look(orphans: Orphans, { logger, onFailure }: DeliveriesOptions): Promise<void> {
  try {
    await orphans.look();
  } catch (error) {
    if (!(error instanceof LogUnavailable)) onFailure(error);
    else logger.warn({ reason: error.message }, 'pipelines that left the configuration are looked for later');
  }
}

const namesOf = ({ shops }: Config): string[] => shops.map(({ shop }) => shop);
