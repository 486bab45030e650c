import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { ADMIN_TOKEN } from './admin.ts';
import { archive, shops, startAudit } from './audit.ts';
import { booksAgree } from './database/books.ts';
import { atLeast, atMost, type Finding, none } from './findings.ts';
import type { Gateway } from './gateway.ts';
import { holdRequests } from './held.ts';
import { type Entry, linesOf } from './ledger.ts';
import { brokenAfterHeaders } from './loader.ts';
import type { Reply } from './post.ts';
import { pause } from './random.ts';
import { summed } from './rounds.ts';
import { judged, logOptions, onStage, type Stage, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';
import { openSink } from './sink.ts';

/**
 * SIGTERM under load, while a destination takes 10 s for each request: once, twice, five times in a row. The gateway must exit with 0
 * in time; a client whose headers had come must get a whole answer, which while it drains says `Connection: close`; and
 * nothing may be lost. Most of a stop is waiting, so several gateways, each with a log, a load and a destination of its own, are stopped
 * side by side.
 *
 *   node --import tsx test/chaos/stop.ts --times 20 --at-once 10
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** Stops, of all gateways together. */
    times: { type: 'string', default: '4' },
    'at-once': { type: 'string', default: '4' },
    'hold-seconds': { type: 'string', default: '10' },
    /** Requests with their headers across and their bodies not. */
    held: { type: 'string', default: '10' },
    /** Requests whose bodies never come, at one stop in five: they must not keep a gateway from its end. */
    stalled: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '8' },
    /** Events per second, of all gateways together. */
    rate: { type: 'string', default: '2000' },
    'quiet-seconds': { type: 'string', default: '90' },
  },
});

const exitSeconds = 25;
/** The bodies of held requests come this long after the signal. */
const bodiesMs = 4_000;
const signalsApartMs = 200;
const underLoadMs = 2_000;
/** Fewer events, for each stop, are no load. */
const leastAcked = 100;
/** Signals in a row, from stop to stop. */
const signals = [1, 2, 5] as const;
const atOnce = Number(values['at-once']);
const times = Number(values.times);
let turn: Promise<unknown> = Promise.resolve();

await judged(values, async (folder, entry) => {
  const houses = Array.from({ length: atOnce }, async (_, number) => {
    const own = join(folder, `gateway-${number}`);
    mkdirSync(own);
    const stops = Math.floor((times + number) / atOnce);
    return onStage(own, entry, values.log, (stage) => house(stage, number, stops));
  });
  return summed(await Promise.all(houses));
});

/** Starts come one after the other: each wants a core of its own. */
function inTurn<T>(start: () => Promise<T>): Promise<T> {
  const mine = turn.then(start);
  turn = mine.catch(() => {});
  return mine;
}

/** One gateway, stopped this many times. */
async function house(
  { files, port, start: launch, ends: at }: Stage,
  number: number,
  stops: number,
): Promise<Finding[]> {
  const sinkPort = await freePort();
  const targets = shops.map(({ shop }) => ({ shop, pipeline: 'hook', port: sinkPort }));
  const load = { lanes: Number(values.lanes), batch: 10, rate: Number(values.rate) / atOnce, expectContinue: true };
  const seed = Number(values.seed) + number;
  const audit = startAudit({ folder: files, port, seed, load, targets, archive: true });
  const { run, ledger, record } = audit;
  const manners = { holdMs: Number(values['hold-seconds']) * 1000 };
  const slow = await inTurn(() => openSink({ port: sinkPort, record, manners }));
  const start = () => inTurn(() => launch(audit.config, { ADMIN_TOKEN }));
  audit.startLoad();
  const ends: Stop[] = [];
  const replies: Reply[] = [];
  for (let stop = 0; stop < stops; stop += 1) {
    const gateway = await start();
    await pause(underLoadMs);
    const hold = (name: string, requests: number) =>
      holdRequests({ run, ...shops[0], port, ledger, requests }, `${name}${stop}`);
    const held = await hold('held', Number(values.held));
    const stalled = await hold('stalled', (number + stop) % 5 === 0 ? Number(values.stalled) : 0);
    const count = signals[(number + stop) % signals.length] ?? 1;
    const [end, answers] = await Promise.all([terminated(gateway, count), held.finish(bodiesMs)]);
    await Promise.all([held.close(), stalled.close()]);
    ends.push(end);
    replies.push(...answers);
  }
  await slow.close();
  const quick = await openSink({ port: sinkPort, record });
  const last = await start();
  await audit.loadEnded('SIGTERM');
  // Each stop may repeat what the slow destination had taken and not answered.
  const most = 1000;
  const quietMs = Number(values['quiet-seconds']) * 1000;
  const balance = await settledBalance(port, quietMs);
  const { findings, acked } = await audit.verdict(quietMs, {
    allowedDuplicates: stops * most,
    ends: { at, most },
  });
  const exit = await stopped(last);
  await quick.close();
  return [
    ...ended(ends),
    ...answered(replies),
    unanswered(linesOf<Entry>(ledger)),
    atLeast('ACKED', 'events acknowledged', acked, stops * leastAcked),
    ...findings,
    booksAgree(balance, audit.arrivals(), [...targets, archive]),
    exit,
  ];
}

/** How a gateway ended. */
interface Stop {
  readonly signals: number;
  readonly code: number | null;
  readonly seconds: number;
}

/** Sends SIGTERM this many times. */
async function terminated(gateway: Gateway, signals: number): Promise<Stop> {
  const begin = performance.now();
  const end = gateway.stop();
  for (let more = 1; more < signals; more += 1) {
    await pause(signalsApartMs);
    void gateway.stop();
  }
  const code = await end;
  const seconds = (performance.now() - begin) / 1000;
  console.log(`SIGTERM x ${signals}: exit code ${code} after ${seconds.toFixed(1)} s`);
  return { signals, code, seconds };
}

function ended(stops: readonly Stop[]): Finding[] {
  const wrong = stops.filter(({ code }) => code !== 0);
  return [
    atLeast('STOPS', 'stops under load', stops.length, 1),
    none(
      'EXITS',
      'exit codes other than 0 after SIGTERM',
      wrong.map(({ signals, code }) => `${code} after ${signals} signals`),
    ),
    atMost('TIME', 'seconds from SIGTERM to the exit', Math.max(...stops.map(({ seconds }) => seconds)), exitSeconds),
  ];
}

/** The held requests: each must get 201, and be told that the connection closes. */
function answered(replies: readonly Reply[]): Finding[] {
  const broken = replies.filter((reply) => !('status' in reply && reply.status === 201));
  const open = replies.filter((reply) => 'status' in reply && reply.headers.connection !== 'close');
  const words = (some: readonly Reply[]) => some.map((reply) => JSON.stringify(reply));
  return [
    atLeast('HELD', 'requests half across at the signal', replies.length, 1),
    none('BROKEN', 'of them without 201', words(broken)),
    none('OPEN', 'of their answers without Connection: close', words(open)),
  ];
}

function unanswered(entries: readonly Entry[]): Finding {
  const cut = entries.filter((entry) => entry.kind === 'unknown' && entry.why.startsWith(brokenAfterHeaders));
  return none(
    'RESET',
    'requests of the load whose headers had arrived and that got no answer',
    cut.map((entry) => JSON.stringify(entry)),
  );
}
