import { type Behaviour, openSink, type Recorded, type Sink } from '../support/sink.ts';
import { type Latencies, latencies } from './latencies.ts';
import { sharedNow, stampsOf } from './stamp.ts';

/** How to answer from now on, or only a question. Each order is answered with what came since the last one. */
export type SinkOrder = { readonly kind: 'behave'; readonly behaviour: Behaviour } | { readonly kind: 'look' };

/** What came to the sinks of one process together. Lag: from an event's stamp to its arrival, in milliseconds. */
export interface Arrivals {
  readonly requests: number;
  readonly events: number;
  readonly lag: { readonly p50: number; readonly p95: number; readonly p99: number; readonly longest: number };
  /** Milliseconds between the two requests that came closest after each other; undefined with less than two. */
  readonly shortestGapMs: number | undefined;
}

type Four = [number, number, number, number];

const lags: Latencies = latencies();
let behaviour: Behaviour = { kind: 'answer', status: 200 };
let requests = 0;
let events = 0;
let lastAt: number | undefined;
let shortestGapMs: number | undefined;

const sinks = await Promise.all(Array.from({ length: Number(process.argv[2] ?? 1) }, () => openSink()));
for (const sink of sinks) sink.behave(({ body }) => take(body));
process.on('message', (order: SinkOrder) => {
  if (order.kind === 'behave') behaviour = order.behaviour;
  process.send?.(arrivals());
});
process.send?.(sinks.map(({ url }) => url));

function take(body: string): Behaviour {
  const now = sharedNow();
  if (lastAt !== undefined) shortestGapMs = Math.min(shortestGapMs ?? Number.POSITIVE_INFINITY, now - lastAt);
  lastAt = now;
  requests += 1;
  for (const at of stampsOf(body)) {
    events += 1;
    lags.add(now - at);
  }
  return behaviour;
}

function arrivals(): Arrivals {
  const [p50, p95, p99, longest] = [0.5, 0.95, 0.99, 1].map((share) => lags.percentile(share)) as Four;
  const lag = { p50, p95, p99, longest };
  const seen = { requests, events, lag, shortestGapMs };
  [requests, events, lastAt, shortestGapMs] = [0, 0, undefined, undefined];
  lags.clear();
  for (const sink of sinks) forget(sink);
  return seen;
}

/** A sink keeps every request for a test to look at; over minutes of load that would be the sink's own slowness. */
const forget = (sink: Sink): void => void (sink.requests as Recorded[]).splice(0);
