import { Agent, createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { PipelineReport } from '../../schemas/admin-api/pipelines.ts';
import { freePort } from '../support/ports.ts';
import { ADMIN_TOKEN, openAdmin } from './admin.ts';
import { shops, startAudit } from './audit.ts';
import { booksAgree } from './database/books.ts';
import { plant } from './events.ts';
import { fakeClock } from './fake-clock.ts';
import { atLeast, atMost, exactly, type Finding, none } from './findings.ts';
import { journal } from './ledger.ts';
import { closed, listening } from './listen.ts';
import { longestGap, mostIn10s } from './moments.ts';
import { layersOrder, post, type Reply } from './post.ts';
import { pause } from './random.ts';
import { logOptions, play, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';
import { openSink } from './sink.ts';
import { destinationOf } from './targets.ts';

/**
 * The clock of the gateway's process is set by an hour and by 30 days, forward and back, while it runs under load: one destination is well,
 * another asks all the time to come again a second later. It must be asked so before and after, the other must not notice, an event that
 * comes again must be known, no pipeline may be suspended, and once both are well everything must be there.
 *
 *   node --import tsx test/chaos/clock.ts --step-seconds 3 --log postgres
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** How long each time lasts. Over a minute old events are let go meanwhile. */
    'step-seconds': { type: 'string', default: '3' },
    lanes: { type: 'string', default: '8' },
    rate: { type: 'string', default: '500' },
    'quiet-seconds': { type: 'string', default: '90' },
  },
});

/** By how much the clock is wrong, in turn. */
const offsets = ['+1h', '-1h', '+30d', '-30d', '+0'] as const;
const units = { h: 3_600_000, d: 24 * 3_600_000 } as const;
/** What the sink that fails may be asked within ten seconds: with both ends of them, and room for a busy machine. */
const askedMost = 13;

await play(values, async ({ files, port, start }) => {
  const [wellPort, failingPort] = [await freePort(), await freePort()];
  const well = { shop: shops[0].shop, pipeline: 'well', port: wellPort };
  const failing = { shop: shops[0].shop, pipeline: 'failing', port: failingPort };
  const load = { lanes: Number(values.lanes), batch: 10, rate: Number(values.rate) };
  const audit = startAudit({ folder: files, port, seed: Number(values.seed), load, targets: [well, failing] });
  const clock = fakeClock(join(files, 'clock'));
  const sink = await openSink({ port: wellPort, record: audit.record });
  const refusing = await openRefusing(failingPort);
  const gateway = await start(audit.config, { ADMIN_TOKEN, ...clock.environment });
  audit.startLoad();
  const again = repeated(audit.run, port, audit.ledger);
  const known = [await again()];
  const met: string[] = [];
  await pause(Number(values['step-seconds']) * 1000);
  for (const offset of offsets) {
    clock.set(offset);
    await pause((Number(values['step-seconds']) * 1000) / 2);
    const reply = await again();
    known.push(reply);
    if (shows(reply, offset)) met.push(offset);
    console.log(`${offset}: the gateway says ${'status' in reply ? reply.headers.date : JSON.stringify(reply)}`);
    await pause((Number(values['step-seconds']) * 1000) / 2);
  }
  const admin = openAdmin(port);
  const { pipelines } = await admin.ask<{ readonly pipelines: readonly PipelineReport[] }>('/pipelines');
  admin.close();
  await audit.loadEnded('SIGTERM');
  const { asked } = refusing;
  const endedAt = Date.now();
  await refusing.close();
  const recovered = await openSink({ port: failingPort, record: audit.record });
  const quietMs = Number(values['quiet-seconds']) * 1000;
  const balance = await settledBalance(port, quietMs);
  const { findings } = await audit.verdict(quietMs, { allowedDuplicates: 0 });
  const arrivals = audit.arrivals();
  const wellAt = arrivals
    .filter(({ destination, at }) => destination === destinationOf(well) && at < endedAt)
    .map(({ at }) => at);
  const exit = await stopped(gateway);
  await Promise.all([sink.close(), recovered.close()]);
  return [
    exactly('MET', 'times that the gateway believed', met.length, offsets.length),
    ...findings,
    ...pace(asked, endedAt),
    atMost('NEIGHBOUR', 'seconds without a delivery to the other destination', longestGap(wellAt, endedAt), 5),
    forgotten(known),
    none('SUSPENDED', 'pipelines suspended by the clock', suspended(pipelines)),
    booksAgree(balance, arrivals, [well, failing]),
    exit,
  ];
});

/** Whether the answer's own date is that of the clock. */
function shows(reply: Reply, offset: (typeof offsets)[number]): boolean {
  if (!('status' in reply)) return false;
  const ms = Number.parseInt(offset, 10) * (units[offset.at(-1) as keyof typeof units] ?? 0);
  return Math.abs(Date.parse(reply.headers.date ?? '') - Date.now() - ms) < 10_000;
}

/** Asks everyone to come again a second later, and remembers when they came. */
async function openRefusing(port: number): Promise<{ readonly asked: number[]; close(): Promise<void> }> {
  const asked: number[] = [];
  const server: Server = createServer((request, response) => {
    asked.push(Date.now());
    // By turns in seconds and as a date, by a clock that is right.
    const soon = asked.length % 2 === 0 ? '1' : new Date(Date.now() + 1000).toUTCString();
    request.resume().once('end', () => response.writeHead(503, { 'retry-after': soon }).end());
  });
  await listening(server, port);
  return { asked, close: () => closed(server) };
}

/** One event that is sent again and again. */
function repeated(run: string, port: number, ledger: string): () => Promise<Reply> {
  const { shop, token } = shops[0];
  const agent = new Agent();
  const lane = 'again';
  const { event, mark } = plant(run, shop, lane, 0, 'again');
  const { write } = journal(ledger);
  write({ kind: 'sent', shop, lane, from: 0, crcs: [mark.crc] });
  return async () => {
    const reply = await post({ port, agent, ...layersOrder(token, [event]) });
    const acked = 'status' in reply && reply.status < 300;
    write({ kind: acked ? 'acked' : 'unknown', lane, from: 0, count: 1, why: JSON.stringify(reply) });
    return reply;
  };
}

/** The first was new, and each other one known. */
function forgotten(replies: readonly Reply[]): Finding {
  const wrong = replies.filter(
    (reply, index) => !('status' in reply) || reply.headers['x-events-duplicate'] !== (index === 0 ? '0' : '1'),
  );
  return none(
    'FORGOTTEN',
    `of ${replies.length} answers, new where it was known or none`,
    wrong.map((one) => JSON.stringify(one)),
  );
}

/** Neither a stall nor a burst: about one attempt a second, all the while. */
function pace(asked: readonly number[], endedAt: number): Finding[] {
  return [
    atLeast('ASKED', 'attempts at the destination that fails', asked.length, 5),
    atMost('BURST', 'of them in the busiest 10 s', mostIn10s(asked), askedMost),
    atMost('STALL', 'seconds between two of them', longestGap(asked, endedAt), 5),
  ];
}

function suspended(pipelines: readonly PipelineReport[]): string[] {
  const there = pipelines.filter(({ state }) => state === 'suspended');
  return there.map(({ shop, pipeline, reason }) => `${shop}/${pipeline}: ${reason}`);
}
