import { type ChildProcess, fork } from 'node:child_process';
import { open, type RootDatabase } from 'lmdb';
import { layers } from '../../adapters/dialects/layers/layers.ts';
import { Heads } from '../../adapters/logs/heads.ts';
import { hasher } from '../../adapters/logs/id-hash.ts';
import type { OwnerCalls, UserCalls } from '../../adapters/logs/ipc/calls.ts';
import { connectStore } from '../../adapters/logs/ipc/client.ts';
import { IpcConnection } from '../../adapters/logs/ipc/connection.ts';
import { serveStore } from '../../adapters/logs/ipc/server.ts';
import { openLmdb } from '../../adapters/logs/lmdb/open.ts';
import type { LogRecord } from '../../adapters/logs/log.ts';
import { encodePage } from '../../adapters/logs/record.ts';
import { channelTo } from '../../server/process/process-calls.ts';
import { record as emptyRecord, storeOptions } from '../contracts/log.ts';
import { layersEvent } from '../support/gateway.ts';
import { withFolder } from './subjects.ts';

/**
 * Which way one LMDB bears several writers best: `node --import tsx test/bench/writers.ts [seconds]`. Each writer reads bodies as the gateway
 * does (parse, validate) and keeps 64 records in flight; what is counted is durable. A bare commit of pages of the same size, under LMDB's own lock
 * between processes, stands for a log that every process writes: it finds no duplicates, so it is compared with a bare one only.
 */
type Way = 'owner' | 'bare';
type Append = (record: LogRecord) => Promise<unknown>;

const IN_FLIGHT = 64;
const WARMUP_SECONDS = 0.5;
/** The ways alternate, and the best of each counts: what else a machine does only takes away. */
const ROUNDS = 3;
const COMMITS_IN_FLIGHT = 2;
const [seconds = '1.5', role, way, folder = '', size = '1', writer = '0'] = process.argv.slice(2);

async function measureAll(): Promise<void> {
  const ways = [
    ['one process, the log', (events: number) => withLog(events, 0)],
    ['two, over one owner', (events: number) => withLog(events, 2)],
    ['three, over one owner', (events: number) => withLog(events, 3)],
    ['one process, bare commits', (events: number) => withBare(events, 1)],
    ['two, each commits (bare)', (events: number) => withBare(events, 2)],
  ] as const;
  console.log('| events per body | writers | records/s | events/s |\n|---|---|---|---|');
  for (const events of [1, 100]) {
    const best = ways.map(() => 0);
    for (let round = 0; round < ROUNDS; round++)
      for (const [at, [, run]] of ways.entries()) best[at] = Math.max(best[at] ?? 0, await run(events));
    for (const [at, [name]] of ways.entries()) {
      const rate = best[at] ?? 0;
      console.log(`| ${events} | ${name} | ${Math.round(rate)} | ${Math.round(rate * events)} |`);
    }
  }
}

/** The log as it is; `writers` other processes use it, or this one does. Records per second. */
const withLog = (events: number, writers: number): Promise<number> =>
  withFolder(async (path) => {
    const store = await openLmdb(path, storeOptions({ now: Date.now }));
    const rate =
      writers === 0
        ? await load((record) => store.log.append(record), events, '0')
        : await sum(writers, (child) => serveStore(store, new IpcConnection(channelTo(child))), 'owner', path, events);
    await store.close();
    return rate;
  });

const withBare = (events: number, writers: number): Promise<number> =>
  withFolder((path) => sum(writers, () => {}, 'bare', path, events));

async function sum(
  writers: number,
  started: (child: ChildProcess) => void,
  how: Way,
  path: string,
  events: number,
): Promise<number> {
  const rates = Array.from({ length: writers }, (_, n) => {
    const child = fork(import.meta.filename, [seconds, 'writer', how, path, String(events), String(n)], {
      serialization: 'advanced',
    });
    started(child);
    return new Promise<number>((resolve, reject) => {
      child.on('message', (message) => {
        const [[kind, rate]] = message as [[string, number]];
        if (kind === 'rate') resolve(rate);
      });
      child.once('exit', () => reject(new Error('a writer ended without a result')));
    });
  });
  return (await Promise.all(rates)).reduce((total, rate) => total + rate, 0);
}

async function write(how: Way): Promise<void> {
  const rate = await load(how === 'owner' ? await remote() : bare(), Number(size), writer);
  // As a connection would say it, since one listens.
  await new Promise((resolve) => process.send?.([['rate', rate]], resolve));
}

async function remote(): Promise<Append> {
  const { log } = await connectStore(new IpcConnection<OwnerCalls, UserCalls>(channelTo(process)));
  return (record) => log.append(record);
}

/** Collects records while commits run, as the log does, and commits them as one page. */
function bare(): Append {
  const root: RootDatabase = open({ path: folder, encoding: 'binary', overlappingSync: false } as { path: string });
  const pages = root.openDB<Buffer, [string, number]>({ name: 'pages', encoding: 'binary' });
  const hashing = hasher('a key of sixteen');
  let waiting: { record: LogRecord; resolve: () => void }[] = [];
  let committing = 0;
  let page = 0;
  const flush = (): void => {
    if (waiting.length === 0 || committing >= COMMITS_IN_FLIGHT) return;
    const group = waiting;
    waiting = [];
    committing += 1;
    const entries = group.map(({ record }) => ({
      ...record,
      heads: Heads.from(record.events, hashing),
    }));
    void pages.put([writer, ++page], encodePage(entries)).then(() => {
      committing -= 1;
      for (const { resolve } of group) resolve();
      flush();
    });
  };
  return (record) =>
    new Promise<void>((resolve) => {
      waiting.push({ record, resolve });
      if (waiting.length === 1) setImmediate(flush);
    });
}

/** Records per second that `append` resolved, after the warm-up. */
async function load(append: Append, events: number, name: string): Promise<number> {
  const bodyOf = bodies(events, name);
  const begin = performance.now() + WARMUP_SECONDS * 1000;
  const end = begin + Number(seconds) * 1000;
  let counted = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < end) {
      await append(recordOf(bodyOf()));
      if (performance.now() > begin && performance.now() < end) counted += 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return counted / Number(seconds);
}

const { context } = emptyRecord([]);
const rules = {
  shop: context.shop,
  names: () => true,
  customEvents: new Set<string>(),
  limits: { depth: 32, keys: 2048, text: 8192, eventBytes: 65_536 },
  receivedAt: context.receivedAt,
};

function recordOf(text: string): LogRecord {
  const body = Buffer.from(text);
  return { dialect: 'layers', context, body, ...layers.read(body.toString(), rules) };
}

/** Bodies whose event ids are new each time. */
function bodies(events: number, name: string): () => string {
  const blank = JSON.stringify({
    events: Array.from({ length: events }, (_, n) => layersEvent({ event_id: `#-${n}-0000-4000-8000-000000000000` })),
  });
  const parts = blank.split('#');
  let made = 0;
  return () => parts.join(`${name}${(++made).toString(36).padStart(7, '0')}`);
}

if (role === 'writer') await write(way as Way);
else await measureAll();
process.exit();
