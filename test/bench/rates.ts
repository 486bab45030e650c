import type { LoadResult } from './load.ts';
import { runLoad, type Subject, startBenchGateway, startCeiling, token, withFolder } from './subjects.ts';

export interface RatesOptions {
  readonly entry: string;
  /** Events per body. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Measured seconds of each round; a warm-up comes before. */
  readonly seconds: number;
  readonly connections: number;
  readonly pipelines: readonly object[];
}

/** One size of body: what both servers did, round by round, and the gateway at half of its own rate. */
export interface Rates {
  readonly events: number;
  readonly ceiling: readonly LoadResult[];
  readonly gateway: readonly LoadResult[];
  readonly half: LoadResult;
  /** The ceiling at that same rate: what of a latency is the machine's. */
  readonly halfCeiling: LoadResult;
}

const warmupSeconds = 1;

/** Measures the ceiling and the gateway in turns, so that a machine that slows down slows both. Each size begins with an empty log. */
export async function measureRates(options: RatesOptions, tell: (line: string) => void): Promise<Rates[]> {
  const ceiling = await startCeiling();
  signal(ceiling.pid, 'SIGSTOP');
  const rates: Rates[] = [];
  for (const events of options.sizes)
    rates.push(await withFolder((folder) => ofSize(events, ceiling, folder, options, tell)));
  signal(ceiling.pid, 'SIGKILL');
  return rates;
}

async function ofSize(
  events: number,
  ceiling: Subject,
  folder: string,
  { entry, rounds, seconds, connections, pipelines }: RatesOptions,
  tell: (line: string) => void,
): Promise<Rates> {
  const gateway = await startBenchGateway({ entry, folder, pipelines });
  signal(gateway.pid, 'SIGSTOP');
  const results: { ceiling: LoadResult[]; gateway: LoadResult[] } = { ceiling: [], gateway: [] };
  const run = ({ port, pid }: Subject, rate?: number) => {
    const seed = Math.floor(performance.now() * 1000) % 2 ** 31;
    const load = { port, pid, token, events, connections, warmupSeconds, seconds, seed, ...(rate ? { rate } : {}) };
    return alone(pid, () => runLoad(load));
  };
  for (let round = 1; round <= rounds; round += 1) {
    const upper = await run(ceiling);
    const ours = await run(gateway);
    results.ceiling.push(upper);
    results.gateway.push(ours);
    tell(`${events}/body, round ${round}: ceiling ${perSecond(upper)}/s, gateway ${perSecond(ours)}/s`);
  }
  const halfRate = median(results.gateway.map(rateOf)) / 2;
  const halfCeiling = await run(ceiling, halfRate);
  const half = await run(gateway, halfRate);
  signal(gateway.pid, 'SIGCONT');
  await gateway.stop();
  return { events, ...results, half, halfCeiling };
}

/** Lets a stopped process run only for this: what it does after its turn (compaction, indexes) must not cost the other's. */
async function alone<T>(pid: number, work: () => Promise<T>): Promise<T> {
  signal(pid, 'SIGCONT');
  try {
    return await work();
  } finally {
    signal(pid, 'SIGSTOP');
  }
}

/** A process that has gone needs no signal; the one that talked to it says why it went. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Requests per second. */
export const rateOf = ({ requests, seconds }: LoadResult): number => requests / seconds;

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

const perSecond = (result: LoadResult): number => Math.round(rateOf(result));
