import type { Durability } from '../../adapters/logs/log.ts';
import type { Config } from '../../schemas/config.ts';
import type { Settings } from '../../schemas/settings.ts';
import type { Build } from '../base/build.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Roles } from '../config/settings.ts';
import { openLog } from '../log/store.ts';
import { createMetrics } from '../operate/metrics.ts';
import { tailStored } from '../operate/tail/lines.ts';
import { createTail } from '../operate/tail/tail.ts';
import { startDeliveries } from './deliveries.ts';
import { startWeb } from './web.ts';

export interface GatewayOptions {
  readonly settings: Settings;
  readonly config: Config;
  readonly roles: Roles;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly build: Build;
  /** Called when the gateway can no longer guarantee anything. The process should stop. */
  readonly onFailure: (error: unknown) => void;
}

export interface Gateway {
  /** The port it listens on; 0 if it opens none. */
  readonly port: number;
  readonly durability: Durability;
  /** Takes a new configuration without dropping a request. */
  reload(config: Config): Promise<void>;
  reloadRefused(): void;
  /** Stops accepting, answers requests in progress, ends deliveries, closes the log. */
  stop(): Promise<void>;
}

/** Builds the whole gateway in this process and starts it. Throws ConfigError if a setting cannot be used. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { roles, logger } = options;
  const store = await openLog(options);
  const tail = createTail();
  // Deliveries start first: a new pipeline begins at the head of the log and must not miss the first event.
  const deliveries = await startDeliveries({
    ...options,
    deliversEvents: roles.deliversEvents,
    store,
    tail,
    onDropped: (...dropped) => metrics.dropped(...dropped),
    onForgotten: (replays) => metrics.forgotten(replays),
  });
  const metrics = createMetrics({
    ...store,
    overview: deliveries.overview,
    now: options.clock.now,
    build: options.build,
  });
  const { serves } = roles;
  const web =
    serves === 'nothing'
      ? undefined
      : await startWeb({
          ...options,
          serves,
          store,
          deliveries,
          tail,
          metrics,
          show: tail.publish,
          onStored: tailStored(tail, logger),
        });
  return {
    port: web?.port ?? 0,
    durability: store.log.durability,
    reload: async (config) => {
      await deliveries.follow(config);
      web?.use(config);
      metrics.reloaded(true);
    },
    reloadRefused: () => metrics.reloaded(false),
    stop: async () => {
      await Promise.all([web?.stop(), deliveries.stop()]);
      await store.close();
    },
  };
}
