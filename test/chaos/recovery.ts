import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ADMIN_TOKEN } from './admin.ts';
import { ackedAfter, isAnswer } from './answers.ts';
import { shops, startAudit } from './audit.ts';
import { booksAgree } from './database/books.ts';
import { atLeast, atMost, type Finding } from './findings.ts';
import { type Entry, linesOf } from './ledger.ts';
import { pause } from './random.ts';
import { logOptions, play, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';
import { openSink } from './sink.ts';

/**
 * The destination is away until a backlog has gathered; then kill -9 under load, a few times, each with a restart. How long until it is ready,
 * until a client has its first 2xx, and, once the destination is back, until its first delivery? In the end everything must arrive.
 *
 *   node --import tsx test/chaos/recovery.ts --events 1000000 --log postgres
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** The backlog. */
    events: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '3' },
    lanes: { type: 'string', default: '16' },
    /** Events per second while it gathers. */
    rate: { type: 'string', default: '50000' },
    'ready-seconds': { type: 'string', default: '3' },
    /** How soon after the start the first 2xx and the first delivery must be there. */
    'first-seconds': { type: 'string', default: '6' },
    'quiet-seconds': { type: 'string', default: '300' },
  },
});

const gatheredMs = 1_200_000;
/** How long the load goes on after each restart. */
const underLoadMs = 1_500;
const events = Number(values.events);
const kills = Number(values.kills);

await play(values, async ({ files, port, start, readyMs }) => {
  const target = { shop: shops[0].shop, pipeline: 'hook', port: await freePort() };
  const load = { lanes: Number(values.lanes), batch: 100, rate: Number(values.rate) };
  const audit = startAudit({ folder: files, port, seed: Number(values.seed), targets: [target], load });
  const begin = () => start(audit.config, { ADMIN_TOKEN });
  let gateway = await begin();
  audit.startLoad();
  const loadedAt = performance.now();
  await until(() => audit.sent() >= events, gatheredMs);
  const behind = audit.sent();
  console.log(`${behind} events behind after ${((performance.now() - loadedAt) / 1000).toFixed(1)} s`);
  const starts: number[] = [];
  let sink: Awaited<ReturnType<typeof openSink>> | undefined;
  for (let kill = 1; kill <= kills; kill += 1) {
    await gateway.kill();
    if (kill === kills) sink = await openSink({ port: target.port, record: audit.record });
    starts.push(Date.now());
    gateway = await begin();
    await pause(underLoadMs);
  }
  await audit.loadEnded('SIGTERM');
  const answers = linesOf<Entry>(audit.ledger).filter(isAnswer);
  // What was under way when the first connection was refused is tried again, and nothing has come through before.
  const quietMs = Number(values['quiet-seconds']) * 1000;
  const balance = await settledBalance(port, quietMs);
  const verdict = await audit.verdict(quietMs, { allowedDuplicates: 0 });
  const arrivals = audit.arrivals();
  const first = arrivals.reduce((earliest, { at }) => Math.min(earliest, at), Number.POSITIVE_INFINITY);
  const acks = starts.map((at) => ackedAfter(answers, at) ?? Number.POSITIVE_INFINITY);
  const exit = await stopped(gateway);
  await sink?.close();
  const ready = readyMs.slice(1).map((ms) => ms / 1000);
  return [
    atLeast('BEHIND', 'events behind when it was first killed', behind, events),
    ...verdict.findings,
    booksAgree(balance, arrivals, [target]),
    slowest('READY', `seconds from a start to ready, with ${events} events behind`, ready, 'ready-seconds'),
    slowest('BACK', 'seconds from a start to the first 2xx', acks, 'first-seconds'),
    slowest(
      'ONWARD',
      'seconds from a start to the first delivery',
      [(first - (starts.at(-1) ?? 0)) / 1000],
      'first-seconds',
    ),
    exit,
  ];
});

function slowest(
  name: string,
  meaning: string,
  seconds: readonly number[],
  limit: 'ready-seconds' | 'first-seconds',
): Finding {
  const all = seconds.map((one) => one.toFixed(2)).join(', ');
  return { ...atMost(name, meaning, Math.max(...seconds), Number(values[limit])), examples: [all] };
}
