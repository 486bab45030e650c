import { Gauge, type Registry } from 'prom-client';
import { type PipelineStanding, pipelineStates } from '../../schemas/pipeline-state.ts';
import type { PipelineStatus } from '../deliver/pipelines.ts';
import { standingOf } from '../deliver/standing.ts';

const LABELS = ['shop', 'pipeline'];

/** Unix time in seconds; 0 for none. */
const seconds = (time: string | undefined): number => (time === undefined ? 0 : Date.parse(time) / 1000);

const FIGURES: readonly (readonly [name: string, help: string, of: (standing: PipelineStanding) => number])[] = [
  ['pending', 'Events a pipeline has yet to pass.', ({ pending }) => pending],
  [
    'lag_seconds',
    'Age of the oldest event that a pipeline has yet to pass; 0 if there is none.',
    ({ lag_seconds }) => lag_seconds,
  ],
  [
    'failing_since_seconds',
    'Since when no attempt of a pipeline has settled anything, in seconds since 1970; 0 if it does not fail.',
    ({ failing_since }) => seconds(failing_since),
  ],
  ['failed_attempts', 'Attempts in a row that have settled nothing.', ({ failed_attempts }) => failed_attempts],
  [
    'last_success_seconds',
    'When a pipeline delivered something the last time, in seconds since 1970; 0 if it never has.',
    ({ last_success_at }) => seconds(last_success_at),
  ],
  [
    'state_since_seconds',
    'Since when a pipeline is failing, suspended, unmoved or orphaned, in seconds since 1970; 0 in other states, and if it is not known.',
    ({ since }) => seconds(since),
  ],
];

/** Registers the gauges of pipelines; gives the function that sets them anew. `now`: milliseconds since 1970. */
export function watchPipelines(registry: Registry): (statuses: readonly PipelineStatus[], now: number) => void {
  const state = gauge(registry, 'state', '1 for the state a pipeline is in, 0 for the others.', [...LABELS, 'state']);
  const figures = FIGURES.map(([name, help, of]) => ({ metric: gauge(registry, name, help, LABELS), of }));
  return (statuses, now) => {
    for (const metric of [state, ...figures.map((one) => one.metric)]) metric.reset();
    for (const one of statuses) {
      const standing = standingOf(one, now);
      for (const { metric, of } of figures) metric.set({ ...one.id }, of(standing));
      for (const name of pipelineStates) state.set({ ...one.id, state: name }, name === standing.state ? 1 : 0);
    }
  };
}

const gauge = (registry: Registry, name: string, help: string, labelNames: string[]): Gauge =>
  new Gauge({ name: `gateway_pipeline_${name}`, help, labelNames, registers: [registry] });
