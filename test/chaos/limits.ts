import { mkdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { type Cgroup, openCgroup } from './cgroup.ts';
import { atLeast, atMost, exactly, type Finding, measured, none } from './findings.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { linesOf } from './ledger.ts';
import { type Client, clientOf, takenAfterMs } from './limits/client.ts';
import { drip, hold } from './limits/sockets.ts';
import { closed, listening } from './listen.ts';
import { needPrograms } from './not-run.ts';
import { TOKEN } from './overload/bodies.ts';
import { notArchived } from './overload/carts.ts';
import { answersAre } from './overload/findings.ts';
import { appendedOf, loadedBy, watchMemory } from './overload/gauges.ts';
import { pause } from './random.ts';
import { commonOptions, judged } from './scenario.ts';
import { pipelineOf } from './targets.ts';

/**
 * Less than the gateway wants: file descriptors, processor time, memory, and clients that hold what they have. Each part has a gateway
 * of its own, one after the other, and is started once more in the end. None may crash, except where the kernel kills it, or lose what it
 * acknowledged.
 *
 *   node --import tsx test/chaos/limits.ts --seed 1 --seconds 6
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    /** How long each load runs. */
    seconds: { type: 'string', default: '6' },
    /** Only those parts, separated by commas. */
    only: { type: 'string', default: 'files,processor,memory,slow,start' },
  },
});

const SHOP = 'limited.myshopify.com';
const seconds = Number(values.seconds);
/** In a body of the loads. */
const EVENTS = 100;
const SQUEEZED_SECONDS = 5;

type Part = (start: Start, folder: string) => Promise<readonly Finding[]>;
type Start = (options?: {
  readonly under?: readonly string[];
  readonly pipelines?: readonly object[];
  readonly onPort?: (port: number) => void;
}) => Promise<Gateway>;

const parts: Readonly<Record<string, Part>> = { files, processor, memory, slow, start: thunderingStart };

await judged(values, async (folder, entry) => {
  needPrograms({ prlimit: 'util-linux' });
  const findings: Finding[] = [];
  for (const name of values.only.split(',')) {
    const part = parts[name];
    if (!part) throw new Error(`--only must name some of ${Object.keys(parts).join(', ')}, got ${name}`);
    const gateways: Gateway[] = [];
    const own = join(folder, name);
    mkdirSync(own);
    const start: Start = async ({ under, pipelines = [], onPort } = {}) => {
      const config = { shops: [{ shop: SHOP, tokens: [TOKEN], pipelines }] };
      const port = await freePort();
      onPort?.(port);
      const gateway = startGateway({ entry, folder: own, port, config, under });
      gateways.push(gateway);
      await gateway.ready();
      return gateway;
    };
    const begin = performance.now();
    try {
      findings.push(...(await part(start, own)));
    } finally {
      for (const gateway of gateways) await gateway.kill();
    }
    console.log(`${name}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  }
  return findings;
});

/** 256 files, 2,000 connections. */
async function files(start: Start): Promise<Finding[]> {
  const gateway = await start({ under: ['prlimit', '--nofile=256:256'] });
  const client = clientOf(gateway.port);
  await client.send();
  const many = await hold(gateway.port, 2000);
  const most = many.open();
  // A connection that was there before goes on.
  const during = await client.send();
  many.close();
  const fresh = clientOf(gateway.port);
  const backMs = await takenAfterMs(fresh, 15_000);
  return [
    atLeast('MET', 'connections that were refused or closed, of 2,000', 2000 - most, 1000),
    exactly('DURING', 'status for a client that was connected before', during, 201),
    atMost('BACK', 'seconds until a new client is answered after they are gone', backMs / 1000, 5),
    ...(await restarted('files', start, gateway, ackedBy([client, fresh]))),
  ];
}

/** A quarter of a core, and more than it can do. */
async function processor(start: Start, folder: string): Promise<Finding[]> {
  const cgroup = openCgroup({ cpu: 0.25 });
  const gateway = await start({ under: cgroup.under });
  const common = { port: gateway.port, events: EVENTS, saleEvery: 20, acked: join(folder, 'acked.ndjson') };
  const result = await loadedBy({ ...common, seconds, connections: 600, rate: 1500, run: 'starved' });
  console.log(JSON.stringify(result));
  const client = clientOf(gateway.port);
  const backMs = await takenAfterMs(client, 15_000);
  const { browse, sale } = result.kinds;
  const [taken, refused] = ['201', '503'].map((s) => (browse.statuses[s] ?? 0) + (sale.statuses[s] ?? 0)) as [
    number,
    number,
  ];
  return [
    atLeast('THROTTLED', 'periods of 100 ms in which it had used its quarter', cgroup.felt(), 10),
    measured('SHED', 'requests refused with 503', refused),
    atLeast('TAKEN', 'requests taken all the same', taken, 1),
    ...answersAre([result]),
    atMost(
      'SLOWEST',
      'milliseconds until the slowest that was taken was answered',
      Math.max(browse.worst, sale.worst),
      8000,
    ),
    atMost('BACK', 'seconds until it answers as usual', backMs / 1000, 5),
    ...(await restarted('processor', start, gateway, taken * EVENTS + client.acked())),
  ];
}

/**
 * 512 MB for everything, and a destination that takes requests and never answers. Then it has less and less, until the kernel kills it:
 * those were its limits, and all that it acknowledged is there without them.
 */
async function memory(start: Start, folder: string): Promise<Finding[]> {
  const cgroup = openCgroup({ memoryMb: 512 });
  const deaf = await openSilent();
  const [archive, acked] = [join(folder, 'archive'), join(folder, 'acked.ndjson')];
  const pipelines = [
    pipelineOf({ shop: SHOP, pipeline: 'hook', port: deaf.port }),
    { id: 'archive', events: ['add_to_cart'], destination: { type: 'file', directory: archive } },
  ];
  try {
    const gateway = await start({ under: cgroup.under, pipelines });
    const watched = watchMemory(gateway.pid);
    const common = { port: gateway.port, events: EVENTS, connections: 64, acked };
    const result = await loadedBy({ ...common, seconds: seconds * 1.5, saleEvery: 20, run: 'hung' });
    console.log(JSON.stringify(result));
    const most = watched.stop();
    const [taken, bytes] = [linesOf(acked).length, statSync(acked).size];
    const squeezed = loadedBy({ ...common, seconds: SQUEEZED_SECONDS, saleEvery: 1, run: 'squeezed' });
    const end = await squeeze(gateway, cgroup, () => statSync(acked).size > bytes);
    await squeezed;
    const all = linesOf(acked).length;
    const again = await start({ pipelines });
    const unfound = await notArchived(archive, acked, EVENTS);
    return [
      atLeast('HUNG', 'requests that the destination never answers', deaf.requests(), 1),
      atLeast('LOADED', 'requests taken meanwhile', taken, 100),
      atMost('MEMORY', 'MB of memory of its own at the most', most.own, 400),
      ...answersAre([result]),
      atLeast('MET', 'times that the kernel killed it, with less and less memory', cgroup.killed(), 1),
      none('KILLED', 'its end then, if not SIGKILL', end === 'SIGKILL' ? [] : [String(end)]),
      atLeast('UNDER LOAD', 'requests taken until then', all - taken, 1),
      none('LOST', 'acknowledged requests about carts that are not at the destination after a restart', unfound),
      ...(await restarted('memory', () => start({ pipelines }), again, all * EVENTS)),
    ];
  } finally {
    await deaf.close();
  }
}

/** Takes memory away from a gateway once it is under load; gives how it ended. */
async function squeeze(
  gateway: Gateway,
  cgroup: Cgroup,
  isLoaded: () => boolean,
): Promise<number | NodeJS.Signals | 'still alive' | null> {
  const ended = gateway.exited();
  await until(isLoaded);
  for (const begin = performance.now(); ; ) {
    cgroup.squeeze();
    const end = await Promise.race([ended, pause(50).then(() => 'still alive' as const)]);
    if (end === 'still alive' && performance.now() - begin < SQUEEZED_SECONDS * 1000) continue;
    await gateway.kill();
    return end;
  }
}

/** Takes requests and never answers. */
async function openSilent(): Promise<{ readonly port: number; requests(): number; close(): Promise<void> }> {
  let requests = 0;
  const server = createServer((request) => {
    requests += 1;
    request.resume();
  });
  await listening(server, 0);
  return {
    port: (server.address() as AddressInfo).port,
    requests: () => requests,
    close: () => closed(server),
  };
}

/** 1,000 clients that say nothing, or drip headers or bodies. */
async function slow(start: Start): Promise<Finding[]> {
  const gateway = await start();
  const client = clientOf(gateway.port);
  const held = await hold(gateway.port, 1000, drip);
  const begin = performance.now();
  const statuses: number[] = [];
  const times: number[] = [];
  while (performance.now() - begin < 25_000 && held.open() > 0) {
    const at = performance.now();
    statuses.push(await client.send());
    times.push(performance.now() - at);
    await pause(100);
  }
  const [left, goneAfter] = [held.open(), held.lastGoneMs()];
  held.close();
  return [
    atLeast('MET', 'slow clients that were connected', held.connected, 900),
    none('SERVED', 'a normal client is answered 201 meanwhile, but got', statuses.filter((s) => s !== 201).map(String)),
    atMost('WAITED', 'milliseconds that a normal client waited at the most', Math.max(...times), 2000),
    exactly('LEFT', 'slow clients that were never sent away', left, 0),
    atMost('GONE', 'seconds until the last that went was gone', goneAfter / 1000, 20),
    ...(await restarted('slow', start, gateway, ackedBy([client]))),
  ];
}

/** 2,000 clients within a second, while it starts: each tries until it is answered. */
async function thunderingStart(start: Start): Promise<Finding[]> {
  let port = 0;
  const starting = start({
    onPort: (own) => {
      port = own;
    },
  });
  const begin = performance.now();
  const clients: Client[] = [];
  const waits = Array.from({ length: 2000 }, async (_, number) => {
    await pause(number / 2);
    const client = clientOf(port);
    clients.push(client);
    while ((await client.send()) !== 201 && performance.now() - begin < 30_000) await pause(200);
    return performance.now() - begin;
  });
  const gateway = await starting;
  const readyMs = performance.now() - begin;
  const times = await Promise.all(waits);
  return [
    atLeast('MET', 'clients that were answered', clients.filter((client) => client.acked() === 1).length, 2000),
    atMost('FIRST', 'milliseconds from ready to the first answer', Math.min(...times) - readyMs, 5000),
    atMost('LAST', 'milliseconds from ready until everybody was answered', Math.max(...times) - readyMs, 15_000),
    ...(await restarted('start', start, gateway, ackedBy(clients))),
  ];
}

function ackedBy(clients: readonly Client[]): number {
  return clients.reduce((sum, client) => sum + client.acked(), 0);
}

/** The last act of every part: SIGTERM, and a look at what is there after another start. */
async function restarted(part: string, start: Start, gateway: Gateway, acked: number): Promise<Finding[]> {
  const code = await gateway.stop();
  const again = await start();
  const missing = Math.max(0, acked - (await appendedOf(again.port)));
  return [
    exactly('MISSING', 'acknowledged events that are not on the log after a restart', missing, 0),
    exactly('EXIT', `exit code at SIGTERM, ${part}`, code ?? -1, 0),
  ];
}
