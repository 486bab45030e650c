import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Priority } from '../../adapters/dialects/priority.ts';
import type { Build } from '../base/build.ts';
import type { Answered } from '../http/event-endpoint.ts';
import type { RefusedRequest } from '../ingest/refusals.ts';
import type { ReplacedValue } from '../ingest/replaced-values.ts';
import type { Damage } from '../log/damage.ts';
import type { Disk } from '../log/disk.ts';
import type { Shortage } from '../overload/pressure.ts';
import { watchDamage, watchDiskRoom } from './log-metrics.ts';
import { counter, countWords } from './metric-kinds.ts';
import type { Overview } from './overview.ts';
import { watchOverview } from './overview-metrics.ts';

export interface MetricsSources {
  readonly build: Build;
  /** How every pipeline and shop stands. */
  readonly overview: () => Promise<Overview>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly disk: Disk;
  readonly damage: () => Damage | undefined;
}

/** The metrics of a process, as values. */
export type Collected = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export interface Metrics {
  /** Prometheus text. */
  render(): Promise<string>;
  /** The same as values, for the process that adds them up. */
  collected(): Promise<Collected>;
  readonly contentType: string;
  answered(exchange: Answered): void;
  /** A request or a connection was refused for lack of something. `any`: before its events were looked at. */
  shed(shortage: Shortage, priority: Priority | 'any'): void;
  /** A request was refused because it is wrong. */
  refused(refused: RefusedRequest): void;
  /** Values that clients sent and that were left out of their events. */
  replaced(shop: string, dialect: string, replaced: readonly ReplacedValue[]): void;
  /** Events that left the log although a pipeline had not passed them. */
  dropped(shop: string, events: number): void;
  /** Ended replays that were forgotten. */
  forgotten(replays: number): void;
  reloaded(ok: boolean): void;
}

/**
 * The metrics of this process. Event counts come from the log's own tallies, so they survive a crash. Without `sources` they are left out:
 * another process shows them.
 */
export function createMetrics(sources?: MetricsSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = countRequests(registry);
  const reloads = counter(registry, 'gateway_config_reloads_total', 'Reloads of the configuration.', ['result']);
  const forgotten = counter(
    registry,
    'gateway_replays_forgotten_total',
    'Ended replays past their limits that were let go of.',
    [],
  );
  const dropped = counter(
    registry,
    'gateway_log_dropped_total',
    'Events that left the log before a pipeline had passed them.',
    ['shop', 'reason'],
  );
  const refused = counter(
    registry,
    'gateway_refused_requests_total',
    'Requests refused for what they are; dialect is empty where their address is none of a contract, or was not read.',
    ['dialect', 'status', 'reason'],
  );
  let refresh = async (): Promise<void> => {};
  if (sources) {
    sayBuild(registry, sources.build);
    refresh = watchOverview(registry, sources);
    watchDiskRoom(registry, sources);
    watchDamage(registry, sources);
  }
  return {
    render: async () => {
      await refresh();
      return registry.metrics();
    },
    collected: async () => {
      await refresh();
      return registry.getMetricsAsJSON();
    },
    contentType: registry.contentType,
    answered: requests,
    shed: countShed(registry),
    replaced: countReplaced(registry),
    refused: ({ dialect = '', status, reason }) => refused.inc({ dialect, status, reason }),
    forgotten: (replays) => forgotten.inc(replays),
    dropped: (shop, events) => dropped.inc({ shop, reason: 'retention' }, events),
    reloaded: (ok) => reloads.inc({ result: ok ? 'ok' : 'refused' }),
  };
}

function sayBuild(registry: Registry, build: Build): void {
  const info = new Gauge({
    name: 'gateway_build_info',
    help: 'Always 1: what runs here, in its labels. commit is there where the platform says it.',
    labelNames: Object.keys(build),
    registers: [registry],
  });
  info.set({ ...build }, 1);
}

/** Counts in plain numbers, which is a hundred times cheaper than a labelled counter. The counter is filled when metrics are asked for. */
function countRequests(registry: Registry): Metrics['answered'] {
  const counts = new Map<string, Map<number, number>>();
  const total = counter(registry, 'gateway_requests_total', 'Answered event requests.', ['dialect', 'status'], () => {
    total.reset();
    for (const [dialect, statuses] of counts)
      for (const [status, count] of statuses) total.inc({ dialect, status }, count);
  });
  const seconds = new Histogram({
    name: 'gateway_request_seconds',
    help: 'From the headers of an event request to its answer, durable write included.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return ({ dialect, status, ms }) => {
    let statuses = counts.get(dialect);
    if (statuses === undefined) {
      statuses = new Map();
      counts.set(dialect, statuses);
    }
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    seconds.observe(ms / 1000);
  };
}

function countShed(registry: Registry): Metrics['shed'] {
  const count = countWords(
    registry,
    'gateway_shed_total',
    'Requests refused for lack of something: delay (processor time), memory, disk, connections. Worth any: refused before their events were looked at.',
    ['reason', 'worth'],
  );
  return (shortage, priority) => count(`${shortage} ${priority}`);
}

function countReplaced(registry: Registry): Metrics['replaced'] {
  const count = countWords(
    registry,
    'gateway_replaced_values_total',
    'Values that clients sent and that their events do without, by what is wrong with them; they are kept in the events.',
    ['shop', 'dialect', 'field', 'reason'],
  );
  return (shop, dialect, replaced) => {
    for (const { field, reason } of replaced) count(`${shop} ${dialect} ${field} ${reason}`);
  };
}
