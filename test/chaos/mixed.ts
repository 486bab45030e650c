import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Balance } from '../../schemas/admin-api/balance.ts';
import type { Receipt } from '../../schemas/admin-api/receipts.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ADMIN_TOKEN, type Admin, openAdmin } from './admin.ts';
import { ended, startScript } from './children.ts';
import { exactly, type Finding, none } from './findings.ts';
import type { Gateway } from './gateway.ts';
import { judge } from './judge.ts';
import { linesOf } from './ledger.ts';
import { complaints, pipelinesBalance, type SinkLedger, sinkLedger } from './mixed-judge.ts';
import type { Answer, MixedLoadOptions } from './mixed-load.ts';
import { configOf, mannersOf, type Plan, type Planned, targets } from './mixed-plan.ts';
import { shopsBalance, type Told, toldBy } from './mixed-tally.ts';
import { seeded } from './random.ts';
import { logOptions, play, type Stage, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';
import { type Arrival, openSink } from './sink.ts';
import { destinationOf } from './targets.ts';

/**
 * Three shops, six pipelines, both dialects; filters by type and by consent, destinations that reject, fail and break off, four
 * lanes; repeated and invalid events; kill -9 under load, and once more at rest. In the end the receipt of every single id must
 * say what the sinks' own ledgers say, and all books must be exact.
 *
 *   node --import tsx test/chaos/mixed.ts --events 100000 --kills 3 --seed 1
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    events: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '3' },
    /** Events per second. */
    rate: { type: 'string', default: '3000' },
    /** Most events that one kill may make one destination see again. */
    'in-flight': { type: 'string', default: '1000' },
    /** How long the load may take, and then the destinations to catch up. */
    'load-seconds': { type: 'string', default: '300' },
    'quiet-seconds': { type: 'string', default: '180' },
    /** Receipts asked for at the same time. */
    asking: { type: 'string', default: '8' },
  },
});

const kills = Number(values.kills);
const seed = Number(values.seed);
const plan: Plan = { run: `m${seed}`, seed, events: Number(values.events) };
const environment = { ADMIN_TOKEN };

await play(values, async (stage) => {
  const [ledger, record] = [join(stage.files, 'ledger.ndjson'), join(stage.files, 'sink.ndjson')];
  const sinkPort = await freePort();
  const sink = await openSink({ port: sinkPort, record, mannersOf });
  const start = () => stage.start(configOf(sinkPort), environment);
  const { gateway: busy, met } = await underLoad(stage, ledger, start);
  const admin = openAdmin(stage.port, Number(values.asking));
  const before = await settledBalance(stage.port, Number(values['quiet-seconds']) * 1000);
  await busy.kill();
  const gateway = await start();
  const balance = await admin.ask<Balance>('/balance');
  const told = toldBy(plan, linesOf<Answer>(ledger));
  const arrivals = linesOf<Arrival>(record);
  const sinks = sinkLedger(arrivals);
  const receipts = await receiptsOf(told.events, admin, sinks);
  admin.close();
  const exit = await stopped(gateway);
  await sink.close();
  return [
    exactly('KILLS', 'times killed under load', met, kills),
    ...delivered(told, arrivals),
    none('ANSWERS', 'requests with no answer, or one that cannot be true', told.wrong),
    shopsBalance(told, balance),
    pipelinesBalance(told.events, balance, sinks),
    none('CRASH', 'books that a kill -9 at rest changed', same(before, balance) ? [] : [JSON.stringify(before)]),
    none('RECEIPTS', `of ${told.events.length} ids, whose receipt is not what the sinks' ledgers say`, receipts.wrong),
    exactly('QUARANTINE', 'receipts of quarantined events', receipts.quarantined, quarantinedIn(balance)),
    exit,
  ];
});

/** Sends all of the plan, with kills in between: one within each equal part of the events. Gives how many met the load. */
async function underLoad(
  { port }: Stage,
  ledger: string,
  start: () => Promise<Gateway>,
): Promise<{ readonly gateway: Gateway; readonly met: number }> {
  const random = seeded(seed);
  let gateway = await start();
  const options: MixedLoadOptions = { plan, port, ledger, rate: Number(values.rate) };
  const load = startScript(join(import.meta.dirname, 'mixed-load.ts'), options);
  let sent = 0;
  let met = 0;
  load.on('message', (count) => {
    sent = Number(count);
  });
  const over = ended(load);
  for (let kill = 1; kill <= kills; kill += 1) {
    const moment = (plan.events / (kills + 1)) * (kill - 1 + 0.3 + 0.7 * random());
    await until(() => sent >= moment || load.exitCode !== null, Number(values['load-seconds']) * 1000);
    if (load.exitCode === null) met += 1;
    await gateway.kill();
    console.log(`kill ${kill} after ${sent} events`);
    gateway = await start();
  }
  await until(() => load.exitCode !== null, Number(values['load-seconds']) * 1000);
  if ((await over) !== 0) throw new Error(`expected the load to end with 0, it ended with ${load.exitCode}`);
  console.log('everything is sent');
  return { gateway, met };
}

interface Asked {
  readonly wrong: string[];
  quarantined: number;
}

/** Asks for the receipt of every event, a few at the same time: in its shop, and now and then in all, where no other may know it. */
async function receiptsOf(events: readonly Planned[], admin: Admin, sinks: SinkLedger): Promise<Asked> {
  const begin = performance.now();
  const asked: Asked = { wrong: [], quarantined: 0 };
  const rest = events.values();
  const ask = async () => {
    for (const event of rest) {
      const where = event.n % 100 === 0 ? '' : `?shop=${event.shop}`;
      const { receipts } = await admin.ask<{ readonly receipts: Receipt[] }>(`/receipts/${event.id}${where}`);
      asked.wrong.push(...complaints(event, receipts, sinks));
      asked.quarantined += receipts.filter(({ state }) => state === 'quarantined').length;
    }
  };
  await Promise.all(Array.from({ length: Number(values.asking) }, ask));
  console.log(`${events.length} receipts in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  return asked;
}

/** What holds for every run: nothing lost, mixed up, changed or out of order, and repeats only where faults explain them. */
function delivered({ events }: Told, arrivals: readonly Arrival[]): readonly Finding[] {
  const received = arrivals.filter((arrival) => 'id' in arrival);
  const valid = events.filter(({ refused }) => refused === undefined);
  const byId = new Map(events.map((event) => [event.id, event]));
  const excused = new Map(targets.map((target) => [destinationOf(target), target]));
  const allowedRepeats = (kills + 1) * Number(values['in-flight']);
  return judge({
    routes: targets.map((target) => ({ shop: target.shop, destination: destinationOf(target) })),
    sent: byId,
    acked: new Set(valid.map(({ id }) => id)),
    refused: new Set(events.filter(({ refused }) => refused !== undefined).map(({ id }) => id)),
    received,
    unreadable: arrivals.flatMap((arrival) => ('unreadable' in arrival ? [arrival.unreadable] : [])),
    excused: (destination, id) => {
      const [target, event] = [excused.get(destination), byId.get(id)];
      if (target === undefined || event === undefined) return false;
      return target.filters(event) !== undefined || (target.manners.marked !== undefined && event.marked === true);
    },
    // The flaky destination has everything again that it took before it broke off.
    allowedDuplicates: allowedRepeats + received.length / 20,
    allowedRenamed: allowedRepeats,
  }).findings;
}

function same(one: Balance, other: Balance): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function quarantinedIn({ shops }: Balance): number {
  return shops.flatMap(({ quarantined }) => Object.values(quarantined)).reduce((sum, count) => sum + count, 0);
}
