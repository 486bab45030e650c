import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { startPostgres } from '../support/postgres.ts';
import { shops } from './audit.ts';
import { atLeast, type Finding } from './findings.ts';
import { openDesk } from './operators/desk.ts';
import { type History, openHistory } from './operators/history.ts';
import { type House, openHouse } from './operators/house.ts';
import { judge } from './operators/judge.ts';
import { startLoad } from './operators/load.ts';
import { operatorOf } from './operators/orders.ts';
import { first, written } from './operators/plan.ts';
import { openReceivers } from './operators/receivers.ts';
import { settled } from './operators/settle.ts';
import { pause, seeded } from './random.ts';
import { judged, logOptions } from './scenario.ts';

/**
 * Operators with restless hands: suspensions, resumptions, redrives, discards, replays, new configurations (addresses that change, a
 * pipeline that is renamed, goes and returns) and quarantine, by the admin API and the command line, while the gateway is killed, stands still and
 * is stopped in order, and while destinations fail, refuse and hang. Then everything that was answered must have had its effect, nothing may be
 * lost, and books and receipts must say what the receivers wrote down.
 *
 *   node --import tsx test/chaos/operators.ts --seed 1 --seconds 25 --log postgres
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    seconds: { type: 'string', default: '25' },
    /** Operators at the same time. */
    hands: { type: 'string', default: '3' },
    /** Events per second and shop. */
    rate: { type: 'string', default: '50' },
    /** The part of the time in which processes are only stopped in order, so that no crash explains anything. */
    orderly: { type: 'string', default: '0.5' },
    'settle-seconds': { type: 'string', default: '90' },
    /** Fewer orders that were carried out prove too little. */
    'least-orders': { type: 'string', default: '40' },
  },
});

/** Of the history, for each failure. */
const LINES = 14;
const seed = Number(values.seed);
const lengthMs = Number(values.seconds) * 1000;
const settleMs = Number(values['settle-seconds']) * 1000;

await judged(values, async (folder, entry) => {
  if (values.log === 'lmdb') return played(folder, entry, `lmdb:${join(folder, 'log')}`);
  if (values.log !== 'postgres') throw new Error(`--log must be lmdb or postgres, got ${values.log}`);
  const postgres = await startPostgres();
  try {
    return await played(folder, entry, await postgres.createDatabase());
  } finally {
    await postgres.stop();
  }
});

async function played(folder: string, entry: string, log: string): Promise<readonly Finding[]> {
  const file = join(folder, 'history.ndjson');
  const history = openHistory(file);
  const receivers = await openReceivers(await freePort(), seed, history);
  const house = await openHouse({ folder, entry, log, history });
  await house.open(written(first, receivers.port));
  const desk = openDesk(house.port, entry, history);
  const random = seeded(seed);
  const operator = operatorOf({ desk, house, history, port: receivers.port, random });
  const load = startLoad({ run: `r${seed}`, seed, port: house.port, shops, rate: Number(values.rate), history });
  const endsAt = performance.now() + lengthMs;
  const isOver = () => performance.now() > endsAt;
  const hands = Array.from({ length: Number(values.hands) }, () => operator.work(isOver));
  await Promise.all([...hands, strike(house, seeded(seed + 1), endsAt, isOver)]);
  receivers.recover();
  await load.stop();
  await operator.reload({ comes: 'both', takesCustom: true, isNarrow: false });
  // Whoever starts waits for nobody any more.
  for (const { name } of house.members) await house.stop(name);
  const final = await settled(desk, history, settleMs);
  await house.close();
  await receivers.close();
  desk.close();
  const findings = [...summary(history), ...judge(history, final)];
  if (findings.some(({ passed }) => !passed)) tell(folder, file, findings);
  return findings;
}

/** Kills and standstills in the first part of the time, orderly stops all the time. */
async function strike(house: House, random: () => number, endsAt: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await pause(1200 + random() * 2200);
    if (isOver()) return;
    const { name } = house.members[Math.floor(random() * house.members.length)] ?? { name: '' };
    const isOrderly = endsAt - performance.now() < lengthMs * Number(values.orderly);
    const fate = random();
    if (isOrderly || fate < 0.3) await house.stop(name);
    else if (fate < 0.8) await house.kill(name);
    else await house.halt(name, 300 + random() * 1500);
  }
}

/** What was done, so that a run that did nothing proves nothing. */
function summary({ orders, faults, sent, deliveries }: History): Finding[] {
  const done = orders.filter(({ result }) => result === 'done');
  const kinds = [...new Set(done.map(({ kind }) => kind))].map(
    (kind) => `${done.filter((one) => one.kind === kind).length} x ${kind}`,
  );
  const cut = orders.filter(({ result }) => result === 'cut').length;
  const of = (kind: string) => faults.filter((fault) => fault.kind === kind).length;
  const blows = `${of('kill')} kills, ${of('pause')} standstills, ${of('stop')} orderly stops`;
  const meaning = `orders carried out (${kinds.join(', ')}; ${cut} cut off), under ${blows}, with ${deliveries.length} requests`;
  return [
    atLeast('ORDERS', meaning, done.length, Number(values['least-orders'])),
    atLeast('ACKED', 'events acknowledged', [...sent.values()].filter(({ ackedAt }) => ackedAt).length, 500),
  ];
}

/** The lines of the history that belong to the first example of each failure, and where the whole is kept. */
function tell(folder: string, file: string, findings: readonly Finding[]): void {
  const kept = join(tmpdir(), `operators-${values.log}-${values.seed}`);
  mkdirSync(kept, { recursive: true });
  copyFileSync(file, join(kept, 'history.ndjson'));
  for (const name of ['gateway', 'web', 'worker-1', 'worker-2']) {
    const log = join(folder, name, 'gateway.log');
    if (existsSync(log)) copyFileSync(log, join(kept, `${name}.log`));
  }
  const lines = readFileSync(file, 'utf8').split('\n');
  for (const { name, examples } of findings.filter(({ passed }) => !passed)) {
    const words = /r\d+-\d-[\w-]+/.exec(examples[0] ?? '')?.[0];
    const story = words === undefined ? [] : lines.filter((line) => line.includes(`"${words}"`));
    console.log(
      [`${name}: ${examples[0]}`, ...story.slice(-LINES).map((line) => `  ${line.slice(0, 400)}`)].join('\n'),
    );
  }
  console.log(`the whole history, and what the gateways said: ${kept}`);
}
