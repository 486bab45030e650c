import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Priority } from '../../adapters/dialects/priority.ts';
import { LogUnavailable } from '../../adapters/logs/log.ts';
import type { Build } from '../base/build.ts';
import type { Answered } from '../http/server.ts';
import type { RefusedRequest } from '../ingest/refusals.ts';
import type { ReplacedValue } from '../ingest/replaced-values.ts';
import type { Damage } from '../log/damage.ts';
import { type Disk, LEVELS } from '../log/disk.ts';
import type { Shortage } from '../overload/load.ts';
import type { Overview } from './overview.ts';
import { watchPipelines } from './pipeline-metrics.ts';

export interface MetricsSources {
  readonly build: Build;
  /** How every pipeline and shop does. */
  readonly overview: () => Promise<Overview>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly disk: Disk;
  readonly damage: () => Damage | undefined;
}

/** What a process counts, as values. */
export type Collected = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export interface Metrics {
  /** Prometheus text. */
  render(): Promise<string>;
  /** The same for another process, which adds it up. */
  collected(): Promise<Collected>;
  readonly contentType: string;
  answered(exchange: Answered): void;
  /** A request, or a connection, was refused for lack of something; `any`: its priority was not looked at. */
  shed(shortage: Shortage, priority: Priority | 'any'): void;
  /** A request was refused for what it is. */
  refused(refused: RefusedRequest): void;
  /** Values that clients sent and that their events do without. */
  replaced(shop: string, dialect: string, replaced: readonly ReplacedValue[]): void;
  /** Events that left the log although a pipeline had not passed them. */
  dropped(shop: string, events: number): void;
  /** Ended replays that were let go of. */
  forgotten(replays: number): void;
  reloaded(ok: boolean): void;
}

/**
 * What the gateway tells about itself. Event counts come from the log's own tallies, so they survive a crash; a process without sources
 * leaves them to another one.
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

/** Counts in plain numbers, a hundred times cheaper than a labelled counter, and hands them over when asked. */
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

/** Counts by words without blanks, one for each label. */
function countWords(registry: Registry, name: string, help: string, labels: string[]): (words: string) => void {
  const counts = new Map<string, number>();
  const total = counter(registry, name, help, labels, () => {
    total.reset();
    for (const [words, count] of counts) {
      const values = words.split(' ');
      total.inc(Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ''])), count);
    }
  });
  return (words) => counts.set(words, (counts.get(words) ?? 0) + 1);
}

/** Gives what brings them up to date, all from the same figures: a page does not wait for what one of them collects for the others. */
function watchOverview(registry: Registry, { overview, now }: MetricsSources): () => Promise<void> {
  const labels = ['shop', 'pipeline'];
  const events = counter(
    registry,
    'gateway_events_total',
    'Events by what became of them at ingest: received = appended + duplicate + quarantined.',
    ['shop', 'outcome', 'reason'],
  );
  const standings = watchPipelines(registry);
  const difference = new Gauge({
    name: 'gateway_imbalance',
    help: 'Events unaccounted for, by shop (pipeline empty) and pipeline: anything but 0 is a fault.',
    labelNames: labels,
    registers: [registry],
  });
  const outcomes = counter(
    registry,
    'gateway_pipeline_events_total',
    'Events a pipeline has finished, by outcome: delivered, dead, filtered, dropped.',
    [...labels, 'outcome', 'reason'],
  );
  const letGo = counter(
    registry,
    'gateway_dead_letters_dropped_total',
    'Dead letters that a limit has let go: count, age. They stay in the count of dead ones.',
    [...labels, 'limit'],
  );
  const keptOf = watchQuarantine(registry);
  return unlessAway(async () => {
    const { statuses, letGo: gone, balance, quarantine } = await overview();
    for (const metric of [events, outcomes, letGo, difference]) metric.reset();
    for (const { shop, received, appended, duplicate, quarantined, difference: missing } of balance.shops) {
      add(events, { shop, outcome: 'received', reason: '' }, received);
      add(events, { shop, outcome: 'appended', reason: '' }, appended);
      add(events, { shop, outcome: 'duplicate', reason: '' }, duplicate);
      for (const [reason, count] of Object.entries(quarantined))
        add(events, { shop, outcome: 'quarantined', reason }, count);
      difference.set({ shop, pipeline: '' }, missing);
    }
    keptOf(quarantine);
    for (const { shop, pipeline, difference: missing } of balance.pipelines)
      difference.set({ shop, pipeline }, missing);
    for (const [i, { id }] of statuses.entries())
      for (const [limit, count] of Object.entries(gone[i] ?? {})) if (count > 0) add(letGo, { ...id, limit }, count);
    standings(statuses, now());
    for (const { id, progress } of statuses) {
      add(outcomes, { ...id, outcome: 'delivered', reason: '' }, progress.delivered);
      add(outcomes, { ...id, outcome: 'dead', reason: '' }, progress.dead);
      for (const [reason, count] of Object.entries(progress.filtered))
        add(outcomes, { ...id, outcome: 'filtered', reason }, count);
      for (const [reason, count] of Object.entries(progress.dropped))
        add(outcomes, { ...id, outcome: 'dropped', reason }, count);
    }
  });
}

function watchQuarantine(registry: Registry): (sums: Overview['quarantine']) => void {
  const [kept, bytes] = (
    [
      ['gateway_quarantine_events', 'Refused events that are kept.'],
      ['gateway_quarantine_bytes', 'Bytes of the refused events that are kept.'],
    ] as const
  ).map(([name, help]) => new Gauge({ name, help, labelNames: ['shop'], registers: [registry] }));
  const dropped = counter(
    registry,
    'gateway_quarantine_dropped_total',
    'Refused events that a limit of the quarantine has let go: count, bytes, age.',
    ['shop', 'limit'],
  );
  return (sums) => {
    for (const metric of [kept, bytes, dropped]) metric?.reset();
    for (const [shop, one] of sums) {
      // Most shops have none: each line costs whoever reads the page.
      if (one.kept > 0) kept?.set({ shop }, one.kept);
      if (one.kept > 0) bytes?.set({ shop }, one.bytes);
      for (const [limit, count] of Object.entries(one.dropped)) if (count > 0) add(dropped, { shop, limit }, count);
    }
  };
}

/** A count below nothing is a fault that the books report; a counter that refused it would take the whole page with it. */
const add = (counter: Counter, labels: Record<string, string>, count: number): void =>
  counter.inc(labels, Math.max(0, count));

function watchDiskRoom(registry: Registry, { disk }: MetricsSources): void {
  // A log that is elsewhere has no disk here.
  if (disk.room() === undefined) return;
  gauge(registry, 'gateway_disk_free_bytes', 'Room for the log: free on its disk, and inside its file.', (free) =>
    free.set(disk.room()?.freeBytes ?? 0),
  );
  gauge(
    registry,
    'gateway_disk_level',
    'Room on the disk of the log: 4 enough, 3 low, 2 browse events are refused, 1 all events, 0 deliveries wait too.',
    (level) => level.set(LEVELS.indexOf(disk.room()?.level ?? 'enough')),
  );
}

function watchDamage(registry: Registry, { damage }: MetricsSources): void {
  gauge(
    registry,
    'gateway_log_damaged_since_seconds',
    'When damage of the log was first noticed by this process, in seconds since 1970; 0 where none was.',
    (since) => since.set((damage()?.since ?? 0) / 1000),
  );
  gauge(registry, 'gateway_log_damaged_files', 'Files of the log that were found damaged at the start.', (files) =>
    files.set(damage()?.found.length ?? 0),
  );
  gauge(
    registry,
    'gateway_log_unreadable_events',
    'Stored events that could not be read since the start: their bytes had changed.',
    (events) => events.set(damage()?.unreadable ?? 0),
  );
}

function gauge(registry: Registry, name: string, help: string, collect: (gauge: Gauge) => void): void {
  const made: Gauge = new Gauge({ name, help, registers: [registry], collect: () => collect(made) });
}

/** While the log cannot be asked the last figures stand, and the rest of the page is still true. */
function unlessAway(collect: () => void | Promise<void>): () => Promise<void> {
  return async () => {
    try {
      await collect();
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
    }
  };
}

function counter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  collect?: () => void | Promise<void>,
): Counter {
  return new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    ...(collect && { collect: unlessAway(collect) }),
  });
}
