import { join } from 'node:path';
import { type Gateway, startGateway } from '../chaos/gateway.ts';
import { freePort } from '../support/ports.ts';
import { type Destination, fileOf, webhook, webhookOf } from './backlog-destinations.ts';
import { type Fresh, mostMemoryOf, pendingOf, type Sinks, startFresh, startSinks } from './instruments.ts';
import type { Arrivals } from './lag-sinks.ts';
import { cpuSeconds } from './processes.ts';
import { selfTimeTable } from './profile.ts';
import { runLoad, serverCore, withFolder } from './subjects.ts';

export interface BacklogOptions {
  readonly entry: string;
  /** Events that wait while the destination is down. */
  readonly events: number;
  /** Events per request at their intake. */
  readonly bodies: readonly number[];
  /** Restart between intake and drain, and profile the drain. Then the rates mean little. */
  readonly profile: boolean;
}

/** What became of one backlog. */
export interface Backlog {
  readonly pipeline: string;
  readonly body: number;
  readonly events: number;
  /** Events per second. */
  readonly intake: number;
  readonly drain: number;
  /** Repeats. */
  readonly duplicates: number;
  /** Of the other shop's events, before the drain and during it. */
  readonly quiet: Arrivals['lag'];
  readonly meanwhile: Arrivals['lag'];
  /** Share of one core that the gateway used while it drained, and how much of it each event took, in µs: steady on a machine that also does other things. */
  readonly cpu: number | undefined;
  readonly cpuPerEvent: number | undefined;
  /** The most memory of its own, in MB. */
  readonly memoryMb: number;
  readonly doubts: readonly string[];
  readonly profile: string | undefined;
}

const full = { shop: 'full.myshopify.com', token: 'token-of-the-full-shop' };
const other = { shop: 'other.myshopify.com', token: 'token-of-the-other-shop' };
const freshRate = 50;
const quietSeconds = 5;
const limitMs = 1_800_000;

/** For each size of body and each kind of pipeline: takes a backlog in while the destination is down, and delivers it beside fresh events of another shop. */
export async function measureBacklogs(options: BacklogOptions, tell: (line: string) => void): Promise<Backlog[]> {
  const found: Backlog[] = [];
  for (const body of options.bodies) {
    for (const destination of [webhookOf(1), webhookOf(4), fileOf()]) {
      const backlog = await withFolder(async (folder) => backlogOf(options, body, await destination(folder), folder));
      const { pipeline, intake, drain, meanwhile } = backlog;
      tell(`${body}/body, ${pipeline}: in ${intake.toFixed(0)}/s, out ${drain.toFixed(0)}/s, p99 ${meanwhile.p99} ms`);
      found.push(backlog);
    }
  }
  return found;
}

async function backlogOf(
  { entry, events, profile }: BacklogOptions,
  body: number,
  destination: Destination,
  folder: string,
): Promise<Backlog> {
  const sinks = await startSinks(1);
  const start = (nodeArguments: readonly string[]) => started(entry, folder, destination, sinks, nodeArguments);
  const profiles = join(folder, 'profiles');
  let gateway = await start([]);
  const requests = Math.ceil(events / body);
  const intake = await takenIn(gateway, body, requests);
  if (profile) {
    await gateway.stop();
    gateway = await start(['--cpu-prof', `--cpu-prof-dir=${profiles}`]);
  }
  const fresh = await startFresh(gateway.port, other.token);
  const quiet = await lagDuring(fresh, sinks, gateway, () => seconds(quietSeconds));
  let drained: Drained | undefined;
  const meanwhile = await lagDuring(fresh, sinks, gateway, async () => {
    drained = await drainOf(gateway, destination, requests * body);
  });
  await fresh.end();
  await gateway.stop();
  await Promise.all([sinks.stop(), destination.target.close()]);
  if (!drained) throw new Error('expected a drain to be measured, got none');
  return {
    pipeline: destination.pipeline,
    body,
    events: requests * body,
    intake,
    ...drained,
    quiet: quiet.lag,
    meanwhile: meanwhile.lag,
    doubts: [...quiet.doubts, ...meanwhile.doubts],
    profile: profile ? selfTimeTable(profiles) : undefined,
  };
}

async function started(
  entry: string,
  folder: string,
  { lanes, settings }: Destination,
  sinks: Sinks,
  nodeArguments: readonly string[],
): Promise<Gateway> {
  const shops = [
    { shop: full.shop, tokens: [full.token], pipelines: [{ id: 'backlog', lanes, destination: settings }] },
    { shop: other.shop, tokens: [other.token], pipelines: [{ id: 'fresh', destination: webhook(sinks.urls[0]) }] },
  ];
  const gateway = startGateway({
    entry,
    folder,
    port: await freePort(),
    core: serverCore,
    config: { shops },
    nodeArguments,
    // A long run must not meet the end of the log's size: then retention would be measured, too.
    environment: { LOG_MAX_BYTES: String(200 * 1024 ** 3) },
  });
  await gateway.ready(120_000);
  return gateway;
}

/** The rate of the second half in events per second, since the first one finds cold code. */
async function takenIn({ port, pid }: Gateway, body: number, requests: number): Promise<number> {
  const load = { port, pid, token: full.token, events: body, connections: 64, warmupSeconds: 0, seconds: 1800 };
  const half = Math.floor(requests / 2);
  const cold = await runLoad({ ...load, requests: half, seed: 1 });
  const warm = await runLoad({ ...load, requests: requests - half, seed: 2 });
  const failures = { ...cold.failures, ...warm.failures };
  if (Object.keys(failures).length > 0)
    throw new Error(`expected every request to be accepted, got ${JSON.stringify(failures)}`);
  return (warm.requests * body) / warm.seconds;
}

type Drained = Pick<Backlog, 'drain' | 'duplicates' | 'cpu' | 'cpuPerEvent' | 'memoryMb'>;

/** Lets the destination come back and waits until all has arrived. The rate is that from the first arrival to the last. */
async function drainOf({ pid }: Gateway, { target, comeBack }: Destination, events: number): Promise<Drained> {
  const begin = performance.now();
  await comeBack();
  let seen = target.look();
  let first: { readonly at: number; readonly events: number; readonly cpu: number | undefined } | undefined;
  const memory = mostMemoryOf(pid);
  while (seen.events < events) {
    if (performance.now() - begin > limitMs)
      throw new Error(`expected ${events} events to arrive within ${limitMs / 1000} s, got ${seen.events}`);
    await seconds(0.05);
    seen = target.look();
    if (seen.events > 0) first ??= { at: performance.now(), events: seen.events, cpu: cpuSeconds(pid) };
  }
  const [end, now] = [performance.now(), cpuSeconds(pid)];
  const used = first?.cpu === undefined || now === undefined ? undefined : now - first.cpu;
  return {
    drain: ((seen.events - seen.first) / (seen.lastAt - seen.firstAt)) * 1000,
    duplicates: seen.events - events,
    cpu: first && used && (used / (end - first.at)) * 1000,
    cpuPerEvent: first && used && (used / (seen.events - first.events)) * 1e6,
    memoryMb: memory(),
  };
}

/** How late the other shop's events were while something else went on. */
async function lagDuring(
  fresh: Fresh,
  sinks: Sinks,
  { port }: Gateway,
  work: () => Promise<void>,
): Promise<{ readonly lag: Arrivals['lag']; readonly doubts: readonly string[] }> {
  await sinks.look();
  await fresh.start(freshRate, 'product_view');
  await work();
  const { accepted, failures } = await fresh.stop();
  for (const since = performance.now(); (await pendingOf(port)).fresh !== 0; ) {
    if (performance.now() - since > 60_000) throw new Error('expected fresh events to arrive within 60 s');
    await seconds(0.05);
  }
  const { lag, events } = await sinks.look();
  const doubts = Object.entries(failures).map(([why, count]) => `${count} fresh events were not accepted: ${why}`);
  if (events !== accepted) doubts.push(`expected ${accepted} fresh events, got ${events}`);
  return { lag, doubts };
}

const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000));
