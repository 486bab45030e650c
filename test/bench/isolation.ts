import type { Gateway } from '../chaos/gateway.ts';
import type { Behaviour } from '../support/sink.ts';
import { until } from '../support/until.ts';
import {
  collectable,
  type Fresh,
  keptMemoryOf,
  mostMemoryOf,
  pendingOf,
  type Sinks,
  startFresh,
  startSinks,
} from './instruments.ts';
import type { Arrivals } from './lag-sinks.ts';
import { cpuSeconds } from './processes.ts';
import { startBenchGateway, token, withFolder } from './subjects.ts';

export interface IsolationOptions {
  readonly entry: string;
  /** Of each half of a round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Events per second. */
  readonly rate: number;
}

/** One way in which the third destination may behave, round by round. */
export interface Isolation {
  readonly third: string;
  /** Whether it gets no delivery through: then it may be asked once a second only. */
  readonly sick: boolean;
  readonly rounds: readonly Round[];
}

/** The two well destinations alone, and with the third beside them. */
export interface Round {
  readonly alone: Half;
  readonly beside: Half;
}

interface Half {
  readonly seconds: number;
  /** Of the two well destinations together. */
  readonly lag: Arrivals['lag'];
  /** What of it passed before the answer, in ms: what slows that slows everybody. */
  readonly answerP99: number;
  readonly third: Arrivals;
  /** Of the gateway itself, in MB: the most that was seen, and what is left at the end after a collection. */
  readonly memory: { readonly most: number; readonly kept: number };
  /** Share of one core that the gateway used: steady where lag is not. */
  readonly cpu: number | undefined;
  /** What makes this half worth nothing. */
  readonly doubts: readonly string[];
}

interface Case {
  readonly third: string;
  readonly sick: boolean;
  readonly behaviour: Behaviour;
  readonly eventType: string;
}

/** The third pipeline does not want these, so the other two are alone. */
const forTwo = 'add_to_cart';
const forThree = 'product_view';
const well: Behaviour = { kind: 'answer', status: 200 };
const tenGigabytes = { 'content-length': String(10 * 1024 ** 3) };
const warmUpSeconds = 5;
const recoveryMs = 90_000;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const cases: readonly Case[] = [
  // Twice the same: what this machine makes of nothing.
  { third: 'gets nothing (noise)', sick: false, behaviour: well, eventType: forTwo },
  { third: 'is well', sick: false, behaviour: well, eventType: forThree },
  { third: 'hangs', sick: true, behaviour: { kind: 'hang' }, eventType: forThree },
  { third: 'answers 500', sick: true, behaviour: { kind: 'answer', status: 500 }, eventType: forThree },
  { third: 'resets', sick: true, behaviour: { kind: 'reset' }, eventType: forThree },
  { third: 'drips a byte a second', sick: true, behaviour: { kind: 'drip', status: 200 }, eventType: forThree },
  {
    third: '500 and 10 GB',
    sick: true,
    behaviour: { kind: 'endless', status: 500, headers: tenGigabytes },
    eventType: forThree,
  },
  // Its 200 counts, so it is not sick: it only talks too much.
  {
    third: '200 and 10 GB',
    sick: false,
    behaviour: { kind: 'endless', status: 200, headers: tenGigabytes },
    eventType: forThree,
  },
];

interface Bench {
  readonly gateway: Gateway;
  readonly fresh: Fresh;
  readonly wells: Sinks;
  readonly third: Sinks;
  readonly options: IsolationOptions;
}

/**
 * Three webhook pipelines of one shop under a steady load; the third destination gets sick in every way. Each half with it follows one
 * without, so that a machine that slows down slows both.
 */
export function measureIsolation(options: IsolationOptions, tell: (line: string) => void): Promise<Isolation[]> {
  return withFolder(async (folder) => {
    const [wells, third] = [await startSinks(2), await startSinks(1)];
    const pipelines = [
      { id: 'first', destination: webhook(wells.urls[0], 15) },
      { id: 'second', destination: webhook(wells.urls[1], 15) },
      // Impatient, so that it tries as often as it may.
      { id: 'third', events: [forThree], destination: webhook(third.urls[0], 1) },
    ];
    const gateway = await startBenchGateway({ entry: options.entry, folder, pipelines, nodeArguments: collectable });
    const fresh = await startFresh(gateway.port, token);
    const bench: Bench = { gateway, fresh, wells, third, options };
    await half(bench, forThree, warmUpSeconds);
    const rounds: Round[][] = [];
    for (let round = 1; round <= options.rounds; round += 1) {
      const found: Round[] = [];
      for (const one of cases) {
        found.push(await roundOf(bench, one));
        tell(`round ${round}, the third ${one.third}: ${inWords(found.at(-1))}`);
      }
      rounds.push(found);
    }
    await Promise.all([fresh.end(), gateway.stop()]);
    await Promise.all([wells.stop(), third.stop()]);
    return cases.map(({ third, sick }, place) => ({
      third,
      sick,
      rounds: rounds.flatMap((found) => found[place] ?? []),
    }));
  });
}

async function roundOf(bench: Bench, { behaviour, eventType }: Case): Promise<Round> {
  const { third, options } = bench;
  const alone = await half(bench, forTwo, options.seconds);
  await third.behave(behaviour);
  const beside = await half(bench, eventType, options.seconds);
  await third.behave(well);
  await until(async () => (await pendingOf(bench.gateway.port)).third === 0, recoveryMs);
  return { alone, beside };
}

async function half(
  { gateway, fresh, wells, third, options }: Bench,
  eventType: string,
  seconds: number,
): Promise<Half> {
  await Promise.all([wells.look(), third.look()]);
  const most = mostMemoryOf(gateway.pid);
  const begin = { at: performance.now(), cpu: cpuSeconds(gateway.pid) };
  await fresh.start(options.rate, eventType);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { accepted, answerP99, failures } = await fresh.stop();
  const taken = (performance.now() - begin.at) / 1000;
  const cpu = cpuSeconds(gateway.pid);
  await until(async () => {
    const { first, second } = await pendingOf(gateway.port);
    return first === 0 && second === 0;
  });
  const [lags, thirds] = [await wells.look(), await third.look()];
  const memory = { most: most(), kept: await keptMemoryOf(gateway.pid) };
  const doubts = Object.entries(failures).map(([why, count]) => `${count} events were not accepted: ${why}`);
  if (lags.events !== 2 * accepted) doubts.push(`expected ${2 * accepted} events at the well two, got ${lags.events}`);
  const share = begin.cpu === undefined || cpu === undefined ? undefined : (cpu - begin.cpu) / taken;
  return { seconds: taken, lag: lags.lag, answerP99, third: thirds, memory, cpu: share, doubts };
}

const webhook = (url: string | undefined, timeoutSeconds: number): object => ({
  type: 'webhook',
  url,
  secret,
  timeoutSeconds,
  allowPrivateNetworks: true,
});

const inWords = (round: Round | undefined): string =>
  round === undefined
    ? 'nothing'
    : `p99 ${inMs(round.alone)} alone, ${inMs(round.beside)} beside; ${round.beside.third.requests} requests to it`;

const inMs = ({ lag, answerP99 }: Half): string => `${lag.p99.toFixed(1)} ms (answers ${answerP99.toFixed(1)})`;
