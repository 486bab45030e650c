import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ADMIN_TOKEN } from './admin.ts';
import { ackedAfter, isAnswer } from './answers.ts';
import { shops, startAudit } from './audit.ts';
import { booksAgree } from './database/books.ts';
import { atMost, exactly, type Finding, none } from './findings.ts';
import { openHalts } from './halt.ts';
import { type Entry, linesOf } from './ledger.ts';
import { pause } from './random.ts';
import { logOptions, play, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';
import { openSink } from './sink.ts';
import type { Target } from './targets.ts';

/**
 * The gateway stands still under load, and goes on: stopped from outside, as by a machine that has no time for it, or with an event loop
 * that something blocks. On PostgreSQL there is another process beside it, which may take over meanwhile. It must go on at once, two
 * processes must not send to one destination at the same time, and nothing may be lost.
 *
 *   node --import tsx test/chaos/pause.ts --halts stop:1,stop:10,block:0.2,block:5
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** How, and for how many seconds, in turn. */
    halts: { type: 'string', default: 'stop:1,stop:10,block:0.2,block:1,block:5' },
    lanes: { type: 'string', default: '16' },
    rate: { type: 'string', default: '1000' },
    'quiet-seconds': { type: 'string', default: '90' },
  },
});

/** How soon after it goes on there must be a 2xx and a delivery: a client that waits may first have to give up and come again. */
const onWithinSeconds = 3;
/** What was under way when it stopped, and came too late to be counted: four batches of 100 at most. */
const inFlight = 400;
const underLoadMs = 1_500;
const LOADED_MS = 30_000;

interface Halt {
  readonly kind: 'stop' | 'block';
  readonly seconds: number;
}

const halts = values.halts.split(',').map((text): Halt => {
  const [kind, seconds] = text.split(':');
  if (kind !== 'stop' && kind !== 'block') throw new Error(`--halts must be stop:<s> and block:<s>, got ${text}`);
  return { kind, seconds: Number(seconds) };
});

await play(values, async ({ files, port, start }) => {
  const sinkPort = await freePort();
  const targets = shops.map(({ shop }): Target => ({ shop, pipeline: 'hook', port: sinkPort }));
  const [otherPort] = values.log === 'postgres' ? [await freePort()] : [];
  const otherPorts = otherPort === undefined ? [] : [otherPort];
  const load = { lanes: Number(values.lanes), batch: 10, rate: Number(values.rate) };
  const audit = startAudit({ folder: files, port, otherPorts, seed: Number(values.seed), load, targets });
  const sink = await openSink({ port: sinkPort, record: audit.record, manners: { holdMs: 10, alone: true } });
  const halting = openHalts(join(files, 'block'));
  const gateway = await start(audit.config, { ADMIN_TOKEN, ...halting.environment });
  const other = otherPort === undefined ? undefined : await start(audit.config, { ADMIN_TOKEN }, otherPort);
  audit.startLoad();
  const ends: number[] = [];
  for (const { kind, seconds } of halts) {
    const before = audit.sent();
    await until(() => audit.sent() > before, LOADED_MS);
    await pause(underLoadMs);
    await halting[kind](gateway.pid, seconds * 1000);
    ends.push(Date.now());
  }
  await pause(underLoadMs);
  await audit.loadEnded('SIGTERM');
  const quietMs = Number(values['quiet-seconds']) * 1000;
  const balance = await settledBalance(port, quietMs);
  const { findings } = await audit.verdict(quietMs, { allowedDuplicates: halts.length * inFlight });
  const arrivals = audit.arrivals();
  const answers = linesOf<Entry>(audit.ledger).filter(isAnswer);
  const delivered = (at: number) => (arrivals.find((one) => one.at >= at)?.at ?? Number.POSITIVE_INFINITY) - at;
  const exits = [await stopped(gateway), ...(other === undefined ? [] : [await stopped(other)])];
  await sink.close();
  return [
    exactly('MET', 'times that it stood still and went on', ends.length, halts.length),
    ...findings,
    none('BESIDE', 'requests that came while another to the same destination was open', audit.beside()),
    soon(
      'BACK',
      'seconds until the next 2xx',
      ends.map((at) => ackedAfter(answers, at) ?? Number.POSITIVE_INFINITY),
    ),
    soon(
      'ONWARD',
      'seconds until the next delivery',
      ends.map((at) => delivered(at) / 1000),
    ),
    booksAgree(balance, arrivals, targets),
    ...exits,
  ];
});

function soon(name: string, meaning: string, seconds: readonly number[]): Finding {
  const each = seconds.map((one, index) => `${one.toFixed(2)} after ${halts[index]?.kind} ${halts[index]?.seconds}`);
  return { ...atMost(name, meaning, Math.max(...seconds), onWithinSeconds), examples: [each.join(', ')] };
}
