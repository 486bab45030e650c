import { serveStore } from '../../adapters/logs/ipc/server.ts';
import { LogUnavailable } from '../../adapters/logs/log.ts';
import type { Config } from '../../schemas/config.ts';
import { type OpenedLog, openLog } from '../log/store.ts';
import { createMetrics, type Metrics } from '../operate/metrics.ts';
import { createMetricsSum, type MetricsSum } from '../operate/metrics-sum.ts';
import { tailStored } from '../operate/tail/lines.ts';
import { createWatchers } from '../operate/tail/watchers.ts';
import { startDeliveries } from './deliveries.ts';
import type { Gateway, GatewayOptions } from './gateway.ts';
import type { ConnectionToWeb, LogStatus } from './process-calls.ts';
import { WebProcesses } from './web-processes.ts';

/** How long to wait for the metrics of a web process; after that its last known ones count. */
const COUNTS_WITHIN_MS = 2000;
/** How long a reload waits for a web process. A running one takes milliseconds, a starting one seconds. */
const TAKEN_WITHIN_MS = 10_000;

/**
 * A gateway of several processes on this machine: this one owns the log and delivers, the others take events and use its store. It stops
 * after they have stopped. Throws ConfigError.
 */
export async function startOwner(options: GatewayOptions): Promise<Gateway> {
  const { settings, roles, clock, logger, onFailure } = options;
  let { config } = options;
  // Empty until the log is open.
  let connections = (): WebProcesses['connections'] => new Map();
  const logStatus = (): LogStatus => ({ room: store.disk.room(), damage: store.damage() });
  const store: OpenedLog = await openLog({
    ...options,
    onStatus: () => {
      for (const connection of connections().values()) connection.notify('logStatus', [logStatus()]);
    },
  });
  const watchers = createWatchers();
  const deliveries = await startDeliveries({
    ...options,
    deliversEvents: roles.deliversEvents,
    store,
    tail: watchers,
    onDropped: (...dropped) => metrics.dropped(...dropped),
    onForgotten: (replays) => metrics.forgotten(replays),
  });
  const metrics = createMetrics({ ...store, overview: deliveries.overview, now: clock.now, build: options.build });
  const sum = createMetricsSum();
  const web = new WebProcesses({
    count: settings.WEB_CONCURRENCY,
    clock,
    logger,
    onStarted: (id, connection) => {
      serveStore(store, connection, tailStored(watchers, logger));
      connection.serve({
        config: () => config,
        logStatus,
        watch: ([watching]) => {
          if (watching) watchers.watch(id, (...lines) => connection.call('lines', lines));
          else watchers.unwatch(id);
        },
        show: ([line]) => watchers.publish(line),
        metrics: () => summed(sum, metrics, web.connections),
      });
    },
    onEnded: (id) => {
      watchers.unwatch(id);
      sum.ended(id);
    },
    onFailure,
  });
  connections = () => web.connections;
  return {
    port: await web.start(),
    durability: store.log.durability,
    reload: async (next) => {
      // Pipelines come first: a new one must not miss the first event of its shop.
      await deliveries.follow(next);
      config = next;
      await everywhere([...web.connections.values()], next, options);
      metrics.reloaded(true);
    },
    reloadRefused: () => metrics.reloaded(false),
    stop: async () => {
      await Promise.all([web.stop(), deliveries.stop()]);
      await store.close();
    },
  };
}

/**
 * Hands a configuration to the web processes. A process that ends in between is replaced by one that asks for the new configuration. A
 * process that does not answer in ten seconds is not waited for: it takes the configuration as soon as it answers again.
 */
async function everywhere(
  connections: readonly ConnectionToWeb[],
  config: Config,
  { clock, logger }: Pick<GatewayOptions, 'clock' | 'logger'>,
): Promise<void> {
  const done = new AbortController();
  const taken = connections.map(async (connection) => {
    try {
      await connection.call('reload', [config]);
    } catch (error) {
      if (!(error instanceof LogUnavailable && connection.closed.aborted)) throw error;
    }
  });
  const late = clock.sleep(TAKEN_WITHIN_MS, done.signal).then(() => {
    if (!done.signal.aborted)
      logger.error({}, 'a web process does not answer; it takes the new configuration when it does');
  });
  await Promise.race([Promise.all(taken), late]).finally(() => done.abort());
}

async function summed(
  sum: MetricsSum,
  metrics: Metrics,
  connections: ReadonlyMap<number, ConnectionToWeb>,
): Promise<string> {
  const asked = [...connections].map(async ([id, connection]) => sum.update(id, await connection.call('counts', [])));
  await Promise.race([Promise.allSettled(asked), after(COUNTS_WITHIN_MS)]);
  return sum.render(await metrics.collected());
}

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
