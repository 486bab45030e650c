import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { ADMIN_TOKEN } from './admin.ts';
import { type Arrived, shops, startAudit } from './audit.ts';
import { booksAgree } from './database/books.ts';
import { openDeaf } from './deaf.ts';
import { toldIn } from './destinations/run.ts';
import { atLeast, atMost, type Finding } from './findings.ts';
import { longestGap, mostIn10s } from './moments.ts';
import { pause } from './random.ts';
import { logOptions, play, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';
import { openSink } from './sink.ts';
import { destinationOf, type Target } from './targets.ts';

/**
 * Two destinations are away, one of them of a pipeline with four lanes: for half of the time their connections are broken off,
 * then their ports are closed. Meanwhile each may be asked once a second at most, and their neighbour must not notice. When
 * they come back, each must have its first delivery within 30 s, and in the end everything.
 *
 *   node --import tsx test/chaos/outage.ts --minutes 10
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    minutes: { type: 'string', default: '10' },
    /** Events per second, all the while. */
    rate: { type: 'string', default: '100' },
    lanes: { type: 'string', default: '16' },
    'quiet-seconds': { type: 'string', default: '120' },
  },
});

/** How soon the first delivery must come. */
const backWithinMs = 30_000;
const halfMs = (Number(values.minutes) * 60_000) / 2;

await play(values, async ({ files, port, output, start }) => {
  const [away, wide, healthy] = await Promise.all([
    target('away', {}),
    target('away-wide', { lanes: 4 }),
    target('healthy', {}),
  ]);
  const load = { lanes: Number(values.lanes), batch: 10, rate: Number(values.rate) };
  const targets = [away, wide, healthy];
  const audit = startAudit({ folder: files, port, seed: Number(values.seed), targets, load });
  const well = await openSink({ port: healthy.port, record: audit.record });
  const gateway = await start(audit.config, { ADMIN_TOKEN });
  const broken = await Promise.all([away, wide].map((one) => openDeaf(one.port)));
  audit.startLoad();

  console.log(`connections are broken off for ${halfMs / 60_000} minutes`);
  await pause(halfMs);
  await Promise.all(broken.map((deaf) => deaf.close()));
  console.log(`ports are closed for ${halfMs / 60_000} minutes`);
  const closedAt = Date.now();
  await pause(halfMs);
  const back = await Promise.all([away, wide].map((one) => openSink({ port: one.port, record: audit.record })));
  const backAt = Date.now();
  // No longer: what has not come by then is late in any case.
  await pause(backWithinMs);

  await audit.loadEnded('SIGTERM');
  const quietMs = Number(values['quiet-seconds']) * 1000;
  const balance = await settledBalance(port, quietMs);
  const { findings } = await audit.verdict(quietMs, { allowedDuplicates: 0 });
  const arrivals = audit.arrivals();
  const exit = await stopped(gateway);
  await Promise.all([well, ...back].map((sink) => sink.close()));
  // With a closed port there is nobody else to ask.
  const attempts = toldIn(output);
  return [
    ...findings,
    booksAgree(balance, arrivals, targets),
    ...[away, wide].flatMap(({ pipeline }, index) => {
      const seen = broken[index]?.attempts ?? [];
      const told = attempts.get(pipeline) ?? [];
      const untilClosed = told.filter((at) => at < closedAt).length;
      const closed = told.filter((at) => at >= closedAt && at < backAt);
      return [
        atLeast('MET', `attempts at ${pipeline} that were broken off`, seen.length, 1),
        atLeast('MET', `attempts at ${pipeline} while its port was closed`, closed.length, 1),
        busiest(pipeline, [...seen, ...closed]),
        atMost(
          'UNTOLD',
          `attempts at ${pipeline} seen and not logged, or logged and not seen`,
          Math.abs(seen.length - untilClosed),
          1,
        ),
      ];
    }),
    ...[away, wide].map((one) =>
      atMost(
        'ONWARD',
        `seconds from the return of ${one.pipeline} to its first delivery`,
        firstAt(arrivals, one, backAt),
        backWithinMs / 1000,
      ),
    ),
    atMost(
      'NEIGHBOUR',
      'seconds without a delivery to the healthy destination',
      longestGap(
        timesAt(arrivals, healthy).filter((at) => at <= backAt),
        backAt,
      ),
      10,
    ),
    exit,
  ];
});

async function target(pipeline: string, rules: object): Promise<Target> {
  return { shop: shops[0].shop, pipeline, port: await freePort(), rules };
}

/**
 * Ten seconds with their two ends rather than one, so that an attempt noticed late by a busy machine does not count as two too
 * near. What was under way when the destination went away, one request for each lane, is no attempt at one that is known to be.
 */
function busiest(pipeline: string, attempts: readonly number[]): Finding {
  const sorted = attempts.toSorted((a, b) => a - b);
  const known = sorted.filter((at) => at > (sorted[0] ?? 0) + 2_000);
  const meaning = `${attempts.length} attempts at ${pipeline} while it was away; in the busiest 10 s`;
  return atMost('ASKED', meaning, mostIn10s(known), 11);
}

function firstAt(arrivals: readonly Arrived[], target: Target, backAt: number): number {
  return (Math.min(...timesAt(arrivals, target)) - backAt) / 1000;
}

function timesAt(arrivals: readonly Arrived[], target: Target): number[] {
  return arrivals.filter(({ destination }) => destination === destinationOf(target)).map(({ at }) => at);
}
