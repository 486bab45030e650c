import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ADMIN_TOKEN } from './admin.ts';
import { type ApartJudge, apartJudge, type Shelved } from './apart/judge.ts';
import { domainOf, mixedRequests, type Plan, tokenOf } from './apart/plan.ts';
import { measured } from './findings.ts';
import { type Counted, countedIn } from './fuzz/judge.ts';
import { harvest } from './harvest.ts';
import { sentPatiently } from './patient.ts';
import { rawClient } from './raw.ts';
import { logOptions, play, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';

/**
 * Requests that mix up tokens, names and ids of many shops. What the contract refuses must be refused and lie nowhere; what it takes must
 * lie in the files of the token's shop, once, whatever other shops sent under the same id.
 *
 *   node --import tsx test/chaos/apart.ts --seed 3 --requests 100000
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    requests: { type: 'string', default: '100000' },
    shops: { type: 'string', default: '50' },
    lanes: { type: 'string', default: '64' },
    /** Requests between two looks at the files; what is remembered is bounded by it. */
    round: { type: 'string', default: '250000' },
  },
});
const [seed, requests, shops, lanes, most] = [
  values.seed,
  values.requests,
  values.shops,
  values.lanes,
  values.round,
].map(Number) as [number, number, number, number, number];
/** So many requests share an id, over all shops. */
const REQUESTS_PER_ID = 25;
let putOff = 0;

await play(values, async ({ files, port, start }) => {
  const archive = join(files, 'archive');
  const gateway = await start(configOf(archive), { ADMIN_TOKEN });
  const judge = apartJudge();
  const begin = performance.now();
  let counted: Counted = { received: 0, appended: 0, duplicate: 0, quarantined: 0 };
  let sendingMs = 0;
  for (let sent = 0, round = 0; sent < requests; sent += most, round += 1) {
    const count = Math.min(most, requests - sent);
    const from = performance.now();
    await sendAll(port, judge, count, { shops, ids: Math.ceil(count / REQUESTS_PER_ID), round: `r${round}` }, round);
    sendingMs += performance.now() - from;
    counted = await audited(port, archive, judge);
    console.log(`${sent + count} requests after ${Math.round(performance.now() - begin)} ms`);
  }
  return [
    ...judge.findings(counted),
    measured('PUT OFF', 'times a client was told to come again, and did', putOff),
    measured('RATE', 'requests a second', requests / (sendingMs / 1000)),
    await stopped(gateway),
  ];
});

function configOf(directory: string): object {
  return {
    shops: Array.from({ length: shops }, (_, shop) => ({
      shop: domainOf(shop),
      tokens: [tokenOf(shop)],
      pipelines: [{ id: 'archive', destination: { type: 'file', directory } }],
    })),
  };
}

/** Sends a round over many connections, each with requests of a seed of its own. */
async function sendAll(port: number, judge: ApartJudge, count: number, plan: Plan, round: number): Promise<void> {
  let left = count;
  const lane = async (_: unknown, index: number) => {
    const client = rawClient(port);
    for (const request of mixedRequests(seed + (round * lanes + index) * 7919, plan)) {
      if (--left < 0) break;
      const onPutOff = () => {
        putOff += 1;
      };
      judge.saw(request, await sentPatiently(client, { pieces: [request.bytes] }, onPutOff));
    }
    client.close();
  };
  await Promise.all(Array.from({ length: lanes }).map(lane));
}

/** Waits until everything is in the files, takes it from there, and gives what the gateway counted. */
async function audited(port: number, archive: string, judge: ApartJudge): Promise<Counted> {
  const balance = await settledBalance(port, 120_000);
  await harvest(archive, (line, folder) => judge.arrived(JSON.parse(line) as Shelved, folder));
  judge.endRound();
  return countedIn(balance);
}
