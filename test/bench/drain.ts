import { join } from 'node:path';
import { freePort } from '../support/ports.ts';
import { folderAt, sinkAt, type Target } from './drain-targets.ts';
import { cpuSeconds } from './processes.ts';
import { runLoad, startBenchGateway, token, withFolder } from './subjects.ts';

/** How fast one pipeline emptied a full log. */
export interface Drain {
  readonly pipeline: string;
  readonly events: number;
  /** Events per second that were taken in, with bodies of 100 events, while nothing was delivered. */
  readonly ingest: number;
  /** Events per second, from the first arrival to the last. */
  readonly delivery: number;
  /** Events that arrived, repeats included. */
  readonly arrived: number;
  /** Share of one core that the gateway used meanwhile. */
  readonly cpu: number | undefined;
}

const perBody = 100;
const limitMs = 300_000;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/**
 * Fills a log while no destination can be reached, then lets one pipeline at a time deliver all of it. Both exist from the start,
 * with a destination where nobody listens, because a pipeline begins where the log is when it is first seen.
 */
export function measureDrains(entry: string, events: number): Promise<Drain[]> {
  return withFolder(async (folder) => {
    const [nowhere, port] = [webhook(await freePort()), await freePort()];
    const pipelines = (hook: object, files: object) => [
      { id: 'webhook', events: ['*'], destination: hook },
      { id: 'file', events: ['*'], destination: files },
    ];
    const start = (hook: object, files: object) =>
      startBenchGateway({ entry, folder, pipelines: pipelines(hook, files) });

    const ingest = await fill(() => start(nowhere, nowhere), Math.ceil(events / perBody));
    const directory = join(folder, 'archive');
    const total = Math.ceil(events / perBody) * perBody;
    const hooked = await drained(() => start(webhook(port), nowhere), sinkAt(port), total);
    const filed = await drained(() => start(webhook(port), { type: 'file', directory }), folderAt(directory), total);
    return [
      { pipeline: 'webhook', events: total, ingest, ...hooked },
      { pipeline: 'file', events: total, ingest, ...filed },
    ];
  });
}

type Start = () => ReturnType<typeof startBenchGateway>;

/** The rate of the second half, since the first one finds cold code. */
async function fill(start: Start, requests: number): Promise<number> {
  const gateway = await start();
  const load = {
    port: gateway.port,
    pid: gateway.pid,
    token,
    events: perBody,
    connections: 64,
    warmupSeconds: 0,
    seconds: 600,
  };
  const half = Math.floor(requests / 2);
  await runLoad({ ...load, requests: half, seed: 1 });
  const warm = await runLoad({ ...load, requests: requests - half, seed: 2 });
  await gateway.stop();
  const failed = Object.entries(warm.failures);
  if (failed.length > 0) throw new Error(`expected every request to be accepted, got ${JSON.stringify(warm.failures)}`);
  return (warm.requests * perBody) / warm.seconds;
}

async function drained(
  start: Start,
  target: Target,
  total: number,
): Promise<Pick<Drain, 'delivery' | 'arrived' | 'cpu'>> {
  await target.open();
  const gateway = await start();
  const begin = { at: performance.now(), cpu: cpuSeconds(gateway.pid) };
  let seen = target.look();
  while (seen.events < total) {
    if (performance.now() - begin.at > limitMs)
      throw new Error(`expected ${total} events to arrive within ${limitMs / 1000} s, got ${seen.events}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    seen = target.look();
  }
  const end = { at: performance.now(), cpu: cpuSeconds(gateway.pid) };
  await gateway.stop();
  const arrived = target.look().events;
  await target.close();
  const used = begin.cpu === undefined || end.cpu === undefined ? undefined : end.cpu - begin.cpu;
  return {
    delivery: ((seen.events - seen.first) / (seen.lastAt - seen.firstAt)) * 1000,
    arrived,
    cpu: used === undefined ? undefined : used / ((end.at - begin.at) / 1000),
  };
}

const webhook = (port: number): object => ({
  type: 'webhook',
  url: `http://127.0.0.1:${port}/hook`,
  secret,
  allowPrivateNetworks: true,
});
