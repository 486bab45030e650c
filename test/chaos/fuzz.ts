import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ADMIN_TOKEN } from './admin.ts';
import { atLeast, atMost, exactly, type Finding, measured, none } from './findings.ts';
import { type Counted, countedIn, type FuzzJudge, fuzzJudge } from './fuzz/judge.ts';
import { fuzzRequest, shops } from './fuzz/request.ts';
import { type Stalls, stallsOf } from './fuzz/stalls.ts';
import { confirmed, STALL_MS, type Suspicion, underWay } from './fuzz/suspects.ts';
import { harvest } from './harvest.ts';
import { memoryOf } from './memory.ts';
import { sentPatiently } from './patient.ts';
import { rawClient } from './raw.ts';
import { judged, logOptions, onStage, type Stage, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';

/**
 * Requests made of the contracts' examples by changing their structure, text, bytes, headers, compression and framing, many at once.
 * Each gets an answer that is not 5xx, nothing stalls, and in the end every event is where an answer said it is.
 *
 *   node --import tsx test/chaos/fuzz.ts --seed 7 --requests 20000
 *   node --import tsx test/chaos/fuzz.ts --seed 7 --only 4711        one of them again, and what came back
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    requests: { type: 'string', default: '20000' },
    lanes: { type: 'string', default: '64' },
    /** Only this request, with what it says and what it is told. */
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);
const requests = Number(values.requests);
/** What is remembered between two looks at the archive is bounded by this. */
const ROUND = 100_000;
const MOST_MEGABYTES = 400;
let putOff = 0;

await judged(values, (folder, entry) =>
  onStage(folder, entry, values.log, (stage) => fuzzed(stage, stallsOf(entry, join(stage.files, 'stalls.ndjson')))),
);

async function fuzzed({ files, port, start }: Stage, stalls: Stalls): Promise<readonly Finding[]> {
  const archive = join(files, 'archive');
  const gateway = await start(configOf(archive), { ...stalls.environment, ADMIN_TOKEN });
  if (values.only !== undefined) await showOnly(port, Number(values.only));
  const judge = fuzzJudge();
  let most = 0;
  const suspicions: Suspicion[] = [];
  let counted: Counted = { received: 0, appended: 0, duplicate: 0, quarantined: 0 };
  const begin = performance.now();
  const last = values.only === undefined ? requests : 0;
  for (let from = 0; from < last; from += ROUND) {
    suspicions.push(...(await sendAll(port, judge, stalls, { from, to: Math.min(last, from + ROUND) })));
    most = Math.max(most, Math.round(memoryOf(gateway.pid).own));
    counted = await audited(port, archive, judge);
    console.log(`${Math.min(last, from + ROUND)} requests, ${Math.round(performance.now() - begin)} ms, ${most} MB`);
  }
  const perSecond = last / ((performance.now() - begin) / 1000);
  const { held, tried } = await confirmed(suspicions, { seed, port, stalls });
  const found = [
    ...judge.findings(counted),
    none('STALL', `inputs that hold the gateway up for over ${STALL_MS} ms each time`, held),
    atMost('MEMORY', 'megabytes of its own at most', most, MOST_MEGABYTES),
    ...met(judge, last),
    exactly('UNTRIED', 'inputs of stalls that were not sent once more', suspicions.length - tried, 0),
    atMost('STALLED', `stalls over ${STALL_MS} ms that did not come again`, tried - held.length, last / 200),
    measured('PUT OFF', 'times a client was told to come again, and did', putOff),
    measured('RATE', 'requests a second', perSecond),
  ];
  console.log(
    `answers: ${[...judge.statuses]
      .sort()
      .map(([what, count]) => `${what}: ${count}`)
      .join(', ')}`,
  );
  return [...found, await stopped(gateway)];
}

function configOf(directory: string): object {
  return {
    shops: shops.map(({ shop, token, origin }) => ({
      shop,
      tokens: [token],
      ...(origin !== undefined && { origins: [origin] }),
      pipelines: [{ id: 'archive', destination: { type: 'file', directory } }],
    })),
  };
}

/** Sends a round over many connections; gives what held the gateway up meanwhile. */
async function sendAll(
  port: number,
  judge: FuzzJudge,
  stalls: Stalls,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Suspicion[]> {
  const recent: (readonly [n: number, from: number, to: number])[] = [];
  const found: Suspicion[] = [];
  const look = () => {
    for (const stall of stalls.news())
      if (stall.ms > STALL_MS) found.push({ ms: stall.ms, requests: underWay(recent, stall) });
  };
  let next = from;
  const lane = async () => {
    const client = rawClient(port);
    while (next < to) {
      const request = fuzzRequest(seed, next++);
      const sentAt = Date.now();
      const seen = await sentPatiently(client, request, () => {
        putOff += 1;
      });
      judge.saw(request, seen);
      recent.push([request.n, sentAt, Date.now()]);
      if (recent.length < 4_000) continue;
      look();
      recent.splice(0, 2_000);
    }
    client.close();
  };
  await Promise.all(Array.from({ length: Number(values.lanes) }, lane));
  look();
  return found;
}

/** Waits until everything is in the archive, takes it from there, and gives what the gateway counted. */
async function audited(port: number, archive: string, judge: FuzzJudge): Promise<Counted> {
  const balance = await settledBalance(port, 60_000);
  await harvest(archive, (line, shop) => judge.arrived((JSON.parse(line) as { event_id: string }).event_id, shop));
  judge.endRound();
  return countedIn(balance);
}

/** Without answers of both kinds nothing was tried. */
function met({ statuses }: FuzzJudge, sent: number): Finding[] {
  const count = (of: (status: string) => boolean) =>
    [...statuses].reduce((sum, [status, times]) => sum + (of(status) ? times : 0), 0);
  return [
    atLeast(
      'MET',
      'requests that were taken',
      count((status) => status.startsWith('2')),
      sent * 0.2,
    ),
    atLeast(
      'MET',
      'requests that were refused',
      count((status) => status.startsWith('4')),
      sent * 0.2,
    ),
    atLeast('MET', 'kinds of answers', statuses.size, sent === 0 ? 0 : 8),
  ];
}

async function showOnly(port: number, n: number): Promise<void> {
  const request = fuzzRequest(seed, n);
  console.log(`request ${n} of seed ${seed}:\n${Buffer.concat(request.pieces).toString('latin1').slice(0, 4_000)}\n`);
  const client = rawClient(port);
  console.log(await client.send(request));
  client.close();
}
