import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Balance } from '../../schemas/admin-api/balance.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { openAdmin } from './admin.ts';
import { type Audit, archive, shops, startAudit } from './audit.ts';
import { sampleConnections, withinBudget } from './cluster/connections.ts';
import { type RentedDatabase, rentDatabase } from './cluster/database.ts';
import { type Fleet, fleetOf, type Member } from './cluster/fleet.ts';
import { mostClaims } from './cluster/moves.ts';
import { books, moved, repeats } from './cluster/verdict.ts';
import { atLeast, exactly, type Finding, none } from './findings.ts';
import { pause, seeded } from './random.ts';
import { commonOptions, judged } from './scenario.ts';
import { openSink } from './sink.ts';
import type { Target } from './targets.ts';

/**
 * Two web and two worker processes on one PostgreSQL database, under load on both ports. Any of them is killed with SIGKILL at
 * random, sometimes two at once, and started again; some are stopped where they are, and go on later. Then a new version is rolled
 * out: its release runs, its four processes start while the old ones go on, and those get SIGTERM. Nothing may be lost, crossed or
 * out of order; each pipeline is moved by one process at a time, and taken over soon from one that is gone; and never are there
 * more connections than allowed.
 *
 *   node --import tsx test/chaos/cluster.ts --events 200000 --kills 12 --seed 1
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    events: { type: 'string', default: '200000' },
    kills: { type: 'string', default: '12' },
    /** How often a process is stopped where it is, for longer than a lease lasts and than its clients wait. */
    pauses: { type: 'string', default: '2' },
    lanes: { type: 'string', default: '48' },
    batch: { type: 'string', default: '10' },
    /** Events per second. */
    rate: { type: 'string', default: '2500' },
    connections: { type: 'string', default: '20' },
    /** Processes that answer requests in each of the web processes. */
    'web-concurrency': { type: 'string', default: '1' },
    'quiet-seconds': { type: 'string', default: '120' },
  },
});

const seed = Number(values.seed);
const events = Number(values.events);
const kills = Number(values.kills);
const pauses = Number(values.pauses);
const connections = Number(values.connections);
const quietMs = Number(values['quiet-seconds']) * 1000;
const load = { lanes: Number(values.lanes), batch: Number(values.batch), rate: Number(values.rate) };
const environment = { DATABASE_CONNECTIONS: values.connections, WEB_CONCURRENCY: values['web-concurrency'] };
/** What a new holder of a pipeline may repeat at most: the batches of the stretch that was under way, of files up to 1,000 events each. */
const inFlight = 4_000;
const mostDownMs = 3_000;
const pauseMs = 12_000;
const overlapMs = 3_000;
/** By this part of the events the kills are over; the rest is for the new version. */
const killsUntil = 0.7;
const loadMs = 600_000;

await judged(values, async (folder, entry) => {
  const database = await rentDatabase(connections);
  try {
    return await inTurn(folder, entry, database);
  } finally {
    await database.close();
  }
});

async function inTurn(folder: string, entry: string, database: RentedDatabase): Promise<Finding[]> {
  const sinkPort = await freePort();
  const targets = shops.flatMap(({ shop }) =>
    ['hook', 'mirror'].map((pipeline): Target => ({ shop, pipeline, port: sinkPort })),
  );
  const [old, fresh] = [await membersOf(''), await membersOf('-next')];
  const [port = 0, ...otherPorts] = portsOf([...old, ...fresh]);
  const files = join(folder, 'audit');
  const audit = startAudit({ folder: files, port, otherPorts, seed, load, targets, archive: true });
  const sink = await openSink({ port: sinkPort, record: audit.record, manners: { holdMs: 10, alone: true } });
  const fleet = fleetOf({ folder, entry, config: audit.config, database, environment });
  await fleet.release();
  await database.watch();
  const sampler = await sampleConnections(database.postgres.url(database.name));

  console.log(`${events} events, ${load.rate} each second; SIGKILL x ${kills}, seed ${seed}`);
  await Promise.all(old.map(fleet.start));
  audit.startLoad();
  await killed(fleet, old, audit);
  await suspended(fleet, old);
  const deploy = await deployed(database, fleet, old, fresh);
  await until(() => audit.sent() >= events, loadMs);
  await audit.loadEnded('SIGTERM');
  const balances = await atRest(portsOf(fresh));

  const moves = await database.moves();
  const { findings } = await audit.verdict(quietMs, { allowedDuplicates: mostClaims(moves) * inFlight });
  const exits = await stopped(fleet, fresh, 'the new version');
  const samples = await sampler.stop();
  const received = audit.arrivals();
  await sink.close();
  return [
    atLeast('MET', 'processes killed or stopped where they were', fleet.gone.length, kills + pauses),
    ...findings,
    repeats(received, moves),
    none('BESIDE', 'requests that came while another to the same destination was open', audit.beside()),
    ...moved(moves, fleet.gone),
    ...books(balances, received, [...targets, archive]),
    withinBudget(samples, connections),
    exactly('TURNED AWAY', 'connections that the database refused because there were too many', database.refused(), 0),
    deploy,
    exits,
  ];
}

async function membersOf(suffix: string): Promise<Member[]> {
  const member = async (kind: Member['kind'], number: number): Promise<Member> => ({
    name: `${kind}${number}${suffix}`,
    kind,
    port: await freePort(),
  });
  return Promise.all([member('web', 1), member('web', 2), member('worker', 1), member('worker', 2)]);
}

function portsOf(members: readonly Member[]): number[] {
  return members.filter(({ kind }) => kind === 'web').map(({ port }) => port);
}

/** Kills one or two at random within each equal part of the events, and starts them again a little later. */
async function killed(fleet: Fleet, members: readonly Member[], audit: Audit): Promise<void> {
  const random = seeded(seed);
  const part = (events * killsUntil) / kills;
  for (let kill = 0; kill < kills; kill += 1) {
    const moment = part * (kill + 0.1 + 0.8 * random());
    await until(() => audit.sent() >= moment, loadMs);
    const victims = victimsOf(members, kill % 2 === 0 ? 'worker' : 'web', random);
    await Promise.all(victims.map(fleet.kill));
    const names = victims.map(({ name }) => name).join(' and ');
    console.log(`kill ${kill + 1} after ${audit.sent()} events: ${names}`);
    await pause(mostDownMs * random());
    await Promise.all(victims.map(fleet.start));
  }
}

/** Stops processes where they are and lets them go on: what they do then they do too late. */
async function suspended(fleet: Fleet, members: readonly Member[]): Promise<void> {
  const random = seeded(seed + 1);
  for (let one = 0; one < pauses; one += 1) {
    for (const member of victimsOf(members, one % 2 === 0 ? 'worker' : 'web', random).slice(0, 1)) {
      console.log(`${member.name} stands still for ${pauseMs / 1000} s`);
      await fleet.suspend(member, pauseMs);
    }
    await pause(mostDownMs);
  }
}

/** One of a kind, and now and then another of any kind with it. */
function victimsOf(members: readonly Member[], kind: Member['kind'], random: () => number): Member[] {
  const own = members.filter((member) => member.kind === kind);
  const first = own[Math.floor(random() * own.length)];
  const others = members.filter((member) => member !== first);
  const second = random() < 0.25 ? others[Math.floor(random() * others.length)] : undefined;
  return [first, second].filter((member) => member !== undefined);
}

/** Rolls a new version out: twice as many processes for a while, then the old ones are told to go. */
async function deployed(
  database: RentedDatabase,
  fleet: Fleet,
  old: readonly Member[],
  fresh: readonly Member[],
): Promise<Finding> {
  await fleet.release();
  await Promise.all(fresh.map(fleet.start));
  // The next release already, and one that takes its time: more processes than this there are never.
  await Promise.all([fleet.release(), database.holdMigrations(overlapMs)]);
  return stopped(fleet, old, 'the old version');
}

async function stopped(fleet: Fleet, members: readonly Member[], which: string): Promise<Finding> {
  const begin = performance.now();
  const codes = await Promise.all(members.map(fleet.stop));
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  const wrong = codes.flatMap((code, index) => (code === 0 ? [] : [`${members[index]?.name}: ${code}`]));
  return none(
    'EXIT',
    `processes of ${which} that SIGTERM did not end with 0; the last was gone after ${seconds} s`,
    wrong,
  );
}

/** The books as each web process tells them, once nothing is pending. */
async function atRest(ports: readonly number[]): Promise<Balance[]> {
  const admins = ports.map((port) => openAdmin(port));
  const ask = () => Promise.all(admins.map((admin) => admin.ask<Balance>('/balance')));
  const balances = await until(async () => {
    const all = await ask();
    return all.every(({ pipelines }) => pipelines.every(({ pending }) => pending === 0)) ? all : undefined;
  }, quietMs).catch(ask);
  for (const admin of admins) admin.close();
  return balances;
}
