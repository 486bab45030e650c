import { join } from 'node:path';
import { freePort } from '../../support/ports.ts';
import { type Answer, type AnswerRules, ackedAfter, isAnswer, judgeAnswers } from '../answers.ts';
import { type Arrived, shops, startAudit } from '../audit.ts';
import { atLeast, type Finding } from '../findings.ts';
import type { Gateway } from '../gateway.ts';
import { growing } from '../growing.ts';
import type { Entry } from '../ledger.ts';
import { pause, seeded } from '../random.ts';
import { settledBalance } from '../settled.ts';
import { type Arrival, openSink } from '../sink.ts';
import { openSwitch, type Switch } from '../switch.ts';
import { destinationOf, type Target } from '../targets.ts';
import { booksAgree } from './books.ts';
import type { FaultOptions } from './fault.ts';
import { type Environment, type Gateways, gatewaysOn } from './gateways.ts';

/** What a fault meets: a gateway under load, and sinks. */
export interface Run {
  readonly random: () => number;
  /** Where the load goes: to the first gateway, until it is told otherwise. */
  readonly front: Switch;
  readonly gateway: Gateway;
  readonly start: Gateways['start'];
  answers(): Answer[];
  arrivals(): Arrived[];
  /** Waits for the first 2xx after a moment; gives the seconds until it came. */
  acked(since: number): Promise<number>;
  /** Waits until every destination has got something after a moment; gives the seconds until the last of them had. */
  arrived(since: number): Promise<number>;
}

export interface RunRules extends AnswerRules {
  /** Of the first gateway. */
  readonly environment?: Environment;
  /** Opens what stands in front of the gateways, where that is to be another. */
  readonly open?: () => Promise<Switch>;
  /** How long destinations may take to catch up, where it is not as long as usual. */
  readonly quietMs?: number;
}

/** How much each destination may see again each time: its batches in flight, 4 of 100, and one that was just begun. */
const REPEATS = 500;
const SOON_MS = 40_000;
/** Less is no load. */
const LEAST_ACKED = 100;
const WARM_UP_MS = 1_000;
const load = { lanes: 16, batch: 10, answerMs: 40_000 };

/** Puts a gateway on this log under load, lets something happen to it, and judges what became of every event. */
export async function underLoad(
  options: FaultOptions,
  log: string,
  rules: RunRules,
  happen: (run: Run) => Promise<Finding[]>,
): Promise<Finding[]> {
  const { seed, rate, folder } = options;
  const sinkPort = await freePort();
  const targets: Target[] = [
    ...shops.map(({ shop }) => ({ shop, pipeline: 'hook', port: sinkPort })),
    { shop: shops[1].shop, pipeline: 'wide', port: sinkPort, rules: { lanes: 3 } },
  ];
  const front = await (rules.open ?? openSwitch)();
  const audit = startAudit({ folder: join(folder, 'audit'), port: front.port, seed, load: { ...load, rate }, targets });
  const sink = await openSink({ port: sinkPort, record: audit.record, manners: { holdMs: 5 } });
  const gateways = gatewaysOn(log, { ...options, config: audit.config });
  try {
    const gateway = await gateways.start(rules.environment);
    await gateway.ready();
    front.to(gateway.port);
    // Asked for twenty times a second: a second look at the same lines would take the processors from the gateway.
    const [ledger, record] = [growing<Entry>(audit.ledger), growing<Arrival>(audit.record)];
    const answers = () => ledger().filter(isAnswer);
    const arrivals = () => record().filter((arrival): arrival is Arrived => 'id' in arrival);
    const acked = (since: number) => soon(() => ackedAfter(answers(), since));
    audit.startLoad();
    await acked(0);
    await pause(WARM_UP_MS);
    const { start } = gateways;
    const arrived = (since: number) => soon(() => arrivedAfter(arrivals(), targets, since));
    const own = await happen({ random: seeded(seed), front, gateway, start, answers, arrivals, acked, arrived });
    await audit.loadEnded('SIGTERM');
    const [left] = gateways.live;
    if (left === undefined) throw new Error('expected a gateway that still lives, got none');
    const balance = await settledBalance(left.port, options.quietMs);
    const allowedDuplicates = REPEATS * Math.max(4, options.times ?? 0);
    const { findings, acked: events } = await audit.verdict(rules.quietMs ?? options.quietMs, { allowedDuplicates });
    const books = booksAgree(balance, arrivals(), targets);
    const told = answers();
    return [
      ...own,
      atLeast('ACKED', 'events acknowledged', events, LEAST_ACKED),
      ...judgeAnswers(told, rules),
      ...findings,
      books,
      ...(await gateways.stopAll()),
    ];
  } finally {
    await audit.loadEnded('SIGTERM').catch(() => {});
    await Promise.all([...gateways.live].map((gateway) => gateway.kill()));
    await Promise.all([sink.close(), front.close()]);
  }
}

function arrivedAfter(arrivals: readonly Arrived[], targets: readonly Target[], since: number): number | undefined {
  const firsts = targets.map((target) =>
    arrivals.find(({ destination, at }) => destination === destinationOf(target) && at >= since),
  );
  return firsts.includes(undefined) ? undefined : (Math.max(...firsts.map((one) => one?.at ?? 0)) - since) / 1000;
}

async function soon<T>(look: () => T | undefined): Promise<T> {
  for (const deadline = performance.now() + SOON_MS; ; ) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`expected it within ${SOON_MS} ms: ${look}`);
    await pause(50);
  }
}
