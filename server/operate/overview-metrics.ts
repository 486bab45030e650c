import { Gauge, type Registry } from 'prom-client';
import { add, counter, unlessAway } from './metric-kinds.ts';
import type { MetricsSources } from './metrics.ts';
import type { Overview } from './overview.ts';
import { watchPipelines } from './pipeline-metrics.ts';

/** Registers the metrics of shops and pipelines. Gives the function that updates them all from one overview, so that they agree. */
export function watchOverview(registry: Registry, { overview, now }: MetricsSources): () => Promise<void> {
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
      // Most shops have none, and each line makes the page larger.
      if (one.kept > 0) kept?.set({ shop }, one.kept);
      if (one.kept > 0) bytes?.set({ shop }, one.bytes);
      for (const [limit, count] of Object.entries(one.dropped)) if (count > 0) add(dropped, { shop, limit }, count);
    }
  };
}
