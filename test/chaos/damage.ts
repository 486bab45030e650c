import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { atOnce } from './at-once.ts';
import { type Case, cases } from './damage/cases.ts';
import { NEW_EVENTS, type Outcome, playCase, type Shared } from './damage/play.ts';
import { makeLog } from './damage/sound.ts';
import { atLeast, atMost, exactly, type Finding, none } from './findings.ts';
import { growing } from './growing.ts';
import { NotRun } from './not-run.ts';
import { seeded } from './random.ts';
import { judged, logOptions } from './scenario.ts';
import { type Arrival, openSink } from './sink.ts';

/**
 * Gateways start on logs that were damaged while nobody used them, each in another way. Each must be ready soon, at the first start; what
 * is intact must be delivered, the damage be told where anything is lost, and new events be taken and delivered as ever.
 *
 *   node --import tsx test/chaos/damage.ts --seeds 10 --at-once 2
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** How often each damage is done elsewhere in the file; one that is always the same is done every tenth time. */
    seeds: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '3' },
    'ready-seconds': { type: 'string', default: '10' },
    /** Events on the log before it is damaged. */
    events: { type: 'string', default: '4000' },
  },
});

/** Damages that are done elsewhere each time: they have drawn a number. */
const drawing = new Set<Case>();
const READY_WITHIN_S = Number(values['ready-seconds']);

await judged(values, async (folder, entry) => {
  if (values.log !== 'lmdb') throw new NotRun('it is the embedded log whose files are damaged here');
  const sound = await makeLog({ folder: join(folder, 'sound'), entry, events: Number(values.events) });
  const first = Number(values.seed);
  const outcomes: Outcome[] = [];
  for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
    const now = (seed - first) % 10 === 0 ? cases : [...drawing];
    outcomes.push(...(await playAll(now, { entry, sound }, join(folder, `seed-${seed}`), seed)));
    console.log(`seed ${seed}: ${outcomes.length} starts, ${outcomes.filter(isBad).length} bad`);
  }
  return verdict(outcomes);
});

/** Each seed has a sink of its own, so that what it records need not be kept. */
async function playAll(
  now: readonly Case[],
  sources: Pick<Shared, 'entry' | 'sound'>,
  folder: string,
  seed: number,
): Promise<Outcome[]> {
  mkdirSync(folder);
  const [sinkPort, record] = [await freePort(), join(folder, 'sink.ndjson')];
  const sink = await openSink({ port: sinkPort, record });
  const shared: Shared = { ...sources, sinkPort, arrivals: growing<Arrival>(record) };
  const outcomes: Outcome[] = [];
  await atOnce(now, Number(values['at-once']), async (one) => {
    const number = seeded(seed * 1000 + cases.indexOf(one));
    const own = join(folder, String(cases.indexOf(one)));
    const random = (limit: number) => {
      drawing.add(one);
      return Math.floor(number() * limit);
    };
    outcomes.push(await playCase(shared, one, { folder: own, seed, random }));
    if (!values.keep) rmSync(own, { recursive: true });
  });
  await sink.close();
  if (!values.keep) rmSync(record, { force: true });
  return outcomes;
}

function isBad({ exits, stranger, newLost, silent, lacking }: Outcome): boolean {
  return exits > 0 || stranger.length + newLost.length > 0 || silent || lacking !== undefined;
}

function verdict(outcomes: readonly Outcome[]): Finding[] {
  const named = (bad: (outcome: Outcome) => boolean): string[] => outcomes.filter(bad).map(({ name }) => name);
  return [
    atLeast('MET', 'gateways started on a damaged log', outcomes.length, cases.length),
    atLeast('ELSEWHERE', 'damages of which each was done elsewhere each time', drawing.size, 4),
    atLeast('HARM', 'of them with events lost', named(({ lost }) => lost > 0).length, 1),
    none(
      'LOOP',
      'that exited',
      named(({ exits }) => exits > 0),
    ),
    readiness(outcomes),
    none(
      'SILENT',
      'that lost events, or began anew, and raised no alarm',
      named(({ silent }) => silent),
    ),
    none(
      'KEPT',
      'that delivered fewer of the intact events than they must',
      outcomes.flatMap(({ name, lacking }) => (lacking === undefined ? [] : [`${name}: ${lacking}`])),
    ),
    none(
      'PHANTOM',
      'events that arrived and were never sent, or changed',
      outcomes.flatMap(({ stranger }) => stranger),
    ),
    none(
      'LOST',
      'new events acknowledged and never delivered',
      outcomes.flatMap(({ newLost }) => newLost),
    ),
    none(
      'NEW',
      'that did not take all new events',
      outcomes.flatMap(({ name, acked }) => (acked < NEW_EVENTS ? [`${name}: ${acked}`] : [])),
    ),
    none(
      'TWICE',
      'events that arrived twice',
      outcomes.flatMap(({ twice }) => twice),
    ),
    exactly('EXIT', 'exit codes other than 0 at SIGTERM', named(({ exit }) => exit !== 0).length, 0),
  ];
}

function readiness(outcomes: readonly Outcome[]): Finding {
  const slowest = outcomes.toSorted((one, other) => other.readyMs - one.readyMs).slice(0, 3);
  const [first = Number.NaN] = slowest.map(({ readyMs }) => readyMs / 1000);
  return {
    ...atMost('READY', 'most seconds to ready', first, READY_WITHIN_S),
    examples: slowest.map(({ name, readyMs }) => `${(readyMs / 1000).toFixed(2)} s: ${name}`),
  };
}
