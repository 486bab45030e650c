import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ADMIN_TOKEN } from './admin.ts';
import { archive, shops, startAudit } from './audit.ts';
import { booksAgree } from './database/books.ts';
import { atLeast, atMost, exactly, type Finding } from './findings.ts';
import type { Gateway } from './gateway.ts';
import { pause, seeded } from './random.ts';
import { inRounds } from './rounds.ts';
import { judged, logOptions, onStage, type Stage, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';
import { openSink } from './sink.ts';

/**
 * kill -9 at random moments under load, restart on the same log, go on. In the end everything that was acknowledged must be
 * at every destination of its shop. Exit code 1 if it is not.
 *
 *   node --import tsx test/chaos/kill.ts --kills 5 --seed 1 --seconds 20 --log postgres
 *   node --import tsx test/chaos/kill.ts --minutes 5
 *   node --import tsx test/chaos/kill.ts --kills 6 --minutes 6 --rate 2000 --most-repeated 0.05
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** One every two seconds if absent. */
    kills: { type: 'string' },
    /** How long the load runs. */
    seconds: { type: 'string', default: '20' },
    minutes: { type: 'string' },
    /** Kills and seconds are spread over this many runs, each on a log of its own, so that each can be judged in memory. */
    rounds: { type: 'string', default: '1' },
    /** Processes that answer requests; what is killed is the one that they belong to. */
    'web-concurrency': { type: 'string', default: '1' },
    lanes: { type: 'string', default: '32' },
    batch: { type: 'string', default: '10' },
    /** Events per second. */
    rate: { type: 'string', default: '6000' },
    /**
     * Most events that one kill may make one destination see again: its batches in flight, 4 of 100, and one that was just begun. A
     * file has larger ones while it catches up.
     */
    'in-flight': { type: 'string', default: '1000' },
    /** How long the destinations may take to catch up when the load has stopped. */
    'quiet-seconds': { type: 'string', default: '90' },
    'ready-seconds': { type: 'string', default: '3' },
    /** Fewer acknowledged events prove too little. */
    'least-acked': { type: 'string', default: '1000' },
    /** Per cent of the deliveries that may be repeats. What a kill makes come again depends on what is in flight, not on the time since the last. */
    'most-repeated': { type: 'string' },
  },
});

const UNDER_LOAD_MS = 60_000;
const rounds = Number(values.rounds);
const seconds = (values.minutes === undefined ? Number(values.seconds) : Number(values.minutes) * 60) / rounds;
const kills = values.kills === undefined ? Math.round(seconds / 2) : Math.round(Number(values.kills) / rounds);

await judged(values, (folder, entry) =>
  inRounds({ folder, rounds, keep: values.keep, leastAcked: Number(values['least-acked']) }, (own, number) =>
    onStage(own, entry, values.log, (stage) => round(stage, Number(values.seed) + number)),
  ),
);

async function round({ files, port, start, readyMs, ends }: Stage, seed: number): Promise<Finding[]> {
  const [lanes, batch, rate] = [Number(values.lanes), Number(values.batch), Number(values.rate)];
  console.log(`kill -9 x ${kills} in ${seconds} s, seed ${seed}, ${lanes} lanes, ${rate} events/s`);
  const sinkPort = await freePort();
  const targets = shops.map(({ shop }) => ({ shop, pipeline: 'hook', port: sinkPort }));
  const audit = startAudit({ folder: files, port, seed, load: { lanes, batch, rate }, targets, archive: true });
  const sink = await openSink({ port: sinkPort, record: audit.record, manners: { holdMs: 10 } });
  const begin = () => start(audit.config, { ADMIN_TOKEN, WEB_CONCURRENCY: values['web-concurrency'] });
  const first = await begin();
  audit.startLoad();
  await moreThan(0, audit.sent);
  const last = await killed(first, seed, async () => {
    const gateway = await begin();
    await moreThan(audit.sent(), audit.sent);
    return gateway;
  });
  await audit.loadEnded('SIGTERM');
  const [quietMs, inFlight] = [Number(values['quiet-seconds']) * 1000, Number(values['in-flight'])];
  const balance = await settledBalance(port, quietMs);
  const { findings, acked, received } = await audit.verdict(quietMs, {
    allowedDuplicates: kills * inFlight,
    ends: { at: ends, most: inFlight },
  });
  const exit = await stopped(last);
  await sink.close();
  return [
    exactly('KILLS', 'times killed under load', readyMs.length - 1, kills),
    atLeast('ACKED', 'events acknowledged', acked, 1),
    ...findings,
    ...repeated(findings, received),
    booksAgree(balance, audit.arrivals(), [...targets, archive]),
    atMost(
      'READY',
      'seconds from a start to ready',
      Math.max(...readyMs.slice(1), 0) / 1000,
      Number(values['ready-seconds']),
    ),
    exit,
  ];
}

/** How large a part of the deliveries the repeats are, where that is limited. */
function repeated(findings: readonly Finding[], received: number): Finding[] {
  const most = values['most-repeated'];
  const repeats = findings.find(({ name }) => name === 'DUPLICATE')?.count ?? Number.NaN;
  if (most === undefined) return [];
  return [atMost('REPEATED', 'per cent of the deliveries that were repeats', (100 * repeats) / received, Number(most))];
}

/** Waits until the load is on: on a busy machine it needs longer to begin than some kills are apart. */
function moreThan(before: number, sent: () => number): Promise<boolean> {
  return until(() => sent() > before, UNDER_LOAD_MS);
}

/** Kills and restarts at random moments, one within each equal part of the time; gives the gateway that lives in the end. */
async function killed(first: Gateway, seed: number, start: () => Promise<Gateway>): Promise<Gateway> {
  const random = seeded(seed);
  const begin = performance.now();
  const part = (seconds * 1000) / (kills + 1);
  let gateway = first;
  for (let kill = 1; kill <= kills; kill += 1) {
    // The middle of each part: a gateway needs some time to be under load again before the next kill means anything.
    const planned = begin + part * (kill - 1 + 0.3 + 0.7 * random()) - performance.now();
    // Where a start took longer than that, the next life is of any length too.
    await pause(planned > 0 ? planned : part * random());
    await gateway.kill();
    console.log(`kill ${kill} at ${((performance.now() - begin) / 1000).toFixed(2)} s`);
    gateway = await start();
  }
  await pause(begin + seconds * 1000 - performance.now());
  return gateway;
}
