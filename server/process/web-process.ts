import { connectStore } from '../../adapters/logs/ipc/client.ts';
import { isAbort } from '../base/clock.ts';
import { diskOf } from '../log/disk.ts';
import type { OpenedLog } from '../log/store.ts';
import { createMetrics } from '../operate/metrics.ts';
import { createTail } from '../operate/tail/tail.ts';
import { startDeliveries } from './deliveries.ts';
import type { Gateway, GatewayOptions } from './gateway.ts';
import type { ConnectionToOwner, LogStatus } from './process-calls.ts';
import { startWeb } from './web.ts';

export interface WebProcessOptions extends Omit<GatewayOptions, 'config' | 'roles'> {
  readonly connection: ConnectionToOwner;
  /** Called when the owner tells this process to stop, also while it starts. */
  readonly onStop: () => void;
}

/** One of several processes that take events. It checks and answers requests, and asks the owner of the log for everything else. */
export async function startWebProcess(options: WebProcessOptions): Promise<Gateway> {
  const { connection } = options;
  const tail = createTail({ onReaders: (count) => connection.notify('watch', [count > 0]) });
  const metrics = createMetrics();
  let start = (_gateway: Gateway): void => {};
  const started = new Promise<Gateway>((resolve) => {
    start = resolve;
  });
  let logStatus: LogStatus = { room: undefined, damage: undefined };
  connection.serve({
    stop: () => options.onStop(),
    counts: () => metrics.collected(),
    logStatus: ([told]) => {
      logStatus = told;
    },
    // A configuration that comes while this process starts is taken after the start.
    reload: async ([next]) => {
      // If it cannot be taken, this process ends, and its replacement starts with it.
      await (await started).reload(next).catch((error: unknown) => isAbort(error) || options.onFailure(error));
    },
    lines: ([lines, missed]) => {
      for (const line of lines) tail.publish(line);
      if (missed > 0) tail.missed(missed);
    },
  });
  const config = await connection.call('config', []);
  logStatus = await connection.call('logStatus', []);
  const remote = await connectStore(connection);
  // The owner gives every pipeline its place before it hands on a configuration, so this process need not do it again.
  const store: OpenedLog = {
    ...remote,
    state: { ...remote.state, cursors: { ...remote.state.cursors, begin: async () => {} } },
    disk: diskOf(() => logStatus.room),
    damage: () => logStatus.damage,
  };
  const deliveries = await startDeliveries({
    ...options,
    config,
    deliversEvents: false,
    store,
    tail,
    onDropped: () => {},
    onForgotten: () => {},
  });
  const web = await startWeb({
    ...options,
    config,
    serves: 'everything',
    store,
    deliveries,
    tail,
    // The owner sends it to the readers in all processes.
    show: (line) => connection.notify('show', [line]),
    metrics: { ...metrics, render: () => connection.call('metrics', []) },
  });
  const gateway: Gateway = {
    port: web.port,
    durability: store.log.durability,
    reload: async (next) => {
      await deliveries.follow(next);
      web.use(next);
    },
    reloadRefused: () => {},
    stop: async () => {
      await Promise.all([web.stop(), deliveries.stop()]);
      await store.close();
    },
  };
  start(gateway);
  connection.notify('listening', [web.port]);
  return gateway;
}
