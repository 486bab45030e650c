import { Agent } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { openCgroup } from './cgroup.ts';
import { canPin } from './children.ts';
import { atLeast, atMost, exactly, type Finding, none } from './findings.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { NotRun } from './not-run.ts';
import { TOKEN } from './overload/bodies.ts';
import { notArchived } from './overload/carts.ts';
import { ackedOf, answersAre, goodput, met, rateOf, together, worth, worthIsKept } from './overload/findings.ts';
import { appendedOf, caughtUp, loadedBy, watchMemory } from './overload/gauges.ts';
import type { LoadOptions, LoadResult } from './overload/load.ts';
import { welcomed } from './overload/newcomers.ts';
import { layersOrder, post } from './post.ts';
import { pause } from './random.ts';
import { commonOptions, judged, stopped } from './scenario.ts';

/**
 * More than the gateway can do. Its peak is measured, with as many connections as it answers best, and then thousands of clients
 * want to send several times as much, each as soon as its last request is answered, and that again and again: what it acknowledges must
 * stay near the peak, all else be told when to come again, and what is about carts be refused last; and new clients must
 * be answered soon. In the end everything acknowledged must be on the log, and its carts at the destination.
 *
 *   node --import tsx test/chaos/overload.ts --times 3,10 --seconds 12
 *   node --import tsx test/chaos/overload.ts --times 10 --seconds 60 --memory-mb 512
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    /** One load after the other. */
    times: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '12' },
    'peak-seconds': { type: 'string', default: '6' },
    connections: { type: 'string', default: '2000' },
    /** Events in a body. */
    events: { type: 'string', default: '100' },
    /** One request in this many is about carts. */
    'sale-every': { type: 'string', default: '20' },
    /** Percent of the peak that must be left. */
    goodput: { type: 'string', default: '90' },
    /**
     * All that the gateway may have; of 512 it may take 400, with the pages of the log that are in memory. Without a destination: what
     * reads the log has as many of them in memory as there is room for.
     */
    'memory-mb': { type: 'string' },
  },
});

const times = values.times.split(',').map(Number);
const memoryMb = values['memory-mb'] === undefined ? undefined : Number(values['memory-mb']);
const events = Number(values.events);
const least = Number(values.goodput);
/** With fewer, commits are small and it waits for the disk; with more it has no less to do. */
const PEAK = 512;
const SHOP = 'overloaded.myshopify.com';
const PART_TAKEN = 400 / 512;

/** What a load is compared with is played at another time, and neighbours on the machine come and go. */
const MOST_ROUNDS = 5;
/** The peak swings, so more is sent by this than its last measure says. */
const ABOVE = 1.25;

await judged(values, async (folder, entry) => {
  if (!canPin)
    throw new NotRun('the gateway and the load need a core each: two cores and taskset (Debian: util-linux)');
  const port = await freePort();
  const pipelines = [
    { id: 'archive', events: ['add_to_cart'], destination: { type: 'file', directory: join(folder, 'archive') } },
  ];
  const config = { shops: [{ shop: SHOP, tokens: [TOKEN], pipelines: memoryMb === undefined ? pipelines : [] }] };
  const cgroup = memoryMb === undefined ? undefined : openCgroup({ memoryMb });
  const gateway = startGateway({ entry, folder, port, config, core: 0, under: cgroup?.under });
  try {
    await gateway.ready();
    return await findingsOf(gateway, folder);
  } finally {
    await gateway.kill();
    cgroup?.remove();
  }
});

async function findingsOf(gateway: Gateway, folder: string): Promise<Finding[]> {
  const acked = join(folder, 'acked.ndjson');
  const common = { port: gateway.port, events, saleEvery: Number(values['sale-every']), acked };
  const loaded = async (phase: string, options: Pick<LoadOptions, 'seconds' | 'connections' | 'rate'>) => {
    await caughtUp(gateway.port);
    const result = await loadedBy({ ...common, ...options, run: `${phase}${values.seed}` }, 1);
    console.log(`${phase}: ${JSON.stringify(result)}`);
    return result;
  };
  const [seconds, connections] = [Number(values.seconds), Number(values.connections)];
  const watched = watchMemory(gateway.pid);
  // All of them, so that what grows with their number has grown before anything is compared.
  const warm = await loaded('warm', { seconds: 4, connections });
  const peakOf = (round: number) =>
    loaded(`peak${round}`, { seconds: Number(values['peak-seconds']), connections: PEAK });
  const newcomers = welcomed(gateway.port);
  let last = await peakOf(0);
  const peaks: [LoadResult, ...LoadResult[]] = [last];
  const rounds: LoadResult[][] = [];
  const backMs: number[] = [];
  // All of them count, and there are more as long as they say that less is left: they take turns, so that they meet the same neighbours.
  const goodputs = () => oversOf(rounds).map((over) => goodput(together(peaks), over, least));
  while (rounds.length < MOST_ROUNDS && (rounds.length === 0 || goodputs().some(({ passed }) => !passed))) {
    const round: LoadResult[] = [];
    for (const more of times) {
      const name = `over${rounds.length}x${more}`;
      round.push(await loaded(name, { seconds, connections, rate: rateOf(last) * more * ABOVE }));
    }
    rounds.push(round);
    backMs.push(await backToNormal(gateway.port));
    last = await peakOf(rounds.length);
    peaks.push(last);
  }
  const welcome = newcomers.stop();
  const mild = await loaded('mild', { seconds: 6, connections, rate: rateOf(last) * 1.5 });
  await backToNormal(gateway.port);
  const memory = watched.stop();
  console.log(`memory ${JSON.stringify(memory)}`);
  const overs = rounds.flat();
  const all = [warm, ...peaks, ...overs, mild];
  const stored = await appendedOf(gateway.port);
  const sum = all.reduce((total, result) => total + ackedOf(result) * events, 0);
  const peak = together(peaks);
  return [
    ...oversOf(rounds).flatMap((over, at) => met(over, peak, times[at] ?? 0)),
    ...answersAre(all),
    atLeast('PEAK', `events acknowledged a second with ${PEAK} clients`, Math.round(rateOf(peak) * events), 1),
    ...goodputs(),
    welcome,
    ...worthIsKept(mild, 0.1, 50),
    worth([...overs, mild]),
    atMost('BACK', 'seconds until a request is answered as usual again', Math.max(...backMs) / 1000, 5),
    ...(memoryMb === undefined
      ? []
      : [atMost('RSS', 'MB of memory at the most, pages of the log included', memory.whole, memoryMb * PART_TAKEN)]),
    exactly('MISSING', 'acknowledged events that are not on the log', Math.max(0, sum - stored), 0),
    ...(memoryMb === undefined
      ? [
          none(
            'LOST',
            'acknowledged cart events that are not at the destination',
            await notArchived(join(folder, 'archive'), acked, events),
          ),
        ]
      : []),
    await stopped(gateway),
  ];
}

/** What came of each of `times`, all rounds together. */
function oversOf(rounds: readonly LoadResult[][]): LoadResult[] {
  return times.map((_, at) => together(rounds.map((round) => round[at]) as [LoadResult, ...LoadResult[]]));
}

/** Milliseconds until five requests in a row are taken within 100 ms each. */
async function backToNormal(port: number): Promise<number> {
  const begin = performance.now();
  const agent = new Agent({ keepAlive: true });
  for (let inRow = 0; inRow < 5 && performance.now() - begin < 30_000; ) {
    const at = performance.now();
    const event = { event_type: 'product_view', timestamp: new Date().toISOString(), session_id: 's', product_id: 1 };
    const reply = await post({ port, agent, ...layersOrder(TOKEN, [event]) });
    inRow = 'status' in reply && reply.status === 201 && performance.now() - at < 100 ? inRow + 1 : 0;
    await pause(20);
  }
  agent.destroy();
  return performance.now() - begin;
}
