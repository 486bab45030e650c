import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { under } from '../support/strace.ts';
import { until } from '../support/until.ts';
import { judgeAnswers, refusals } from './answers.ts';
import { needTrace } from './disk/needs.ts';
import { ackedPerSecond, judgeSyncs, stillOpen } from './disk/promises.ts';
import { audited, type Happened, type Round } from './disk/round.ts';
import { atLeast, type Finding, none } from './findings.ts';
import { type Entry, linesOf } from './ledger.ts';
import { pause } from './random.ts';
import { commonOptions, judged } from './scenario.ts';

/**
 * A disk whose syncs take 300 ms: no 2xx may come before its sync, and many requests share one, so that throughput stays. Then a
 * disk whose syncs hang: who waits gets 503 before he gives up, and is told when to come again. Nothing is lost by either.
 *
 *   node --import tsx test/chaos/slow-disk.ts --seed 1
 *   node --import tsx test/chaos/slow-disk.ts --part hung
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    /** Only slow or only hung. */
    part: { type: 'string' },
    /** How long the load runs on the well disk, and how long on the slow one. */
    'seconds-each': { type: 'string', default: '5' },
    'sync-ms': { type: 'string', default: '300' },
    'hang-seconds': { type: 'string', default: '30' },
    lanes: { type: 'string', default: '256' },
    batch: { type: 'string', default: '10' },
    /** Events per second. */
    rate: { type: 'string', default: '3000' },
    /** Fewer acknowledged events prove too little. */
    'least-acked': { type: 'string', default: '1000' },
  },
});

const [secondsEach, syncMs] = [Number(values['seconds-each']), Number(values['sync-ms'])];
const hangMs = Number(values['hang-seconds']) * 1000;
/** Of what the well disk takes. */
const LEAST_PERCENT = 30;
/** A client gives up after 15 s, or not much later. */
const ANSWER_SECONDS = 15;
/** Syncs of each thread that a gateway needs to start, and to get under load. */
const FIRST_SYNCS = 25;

/** While a sync takes long, four batches of the file destination, of up to 1,000, may have been delivered and not been noted. */
const REPEATS = 4_500;

await judged(values, async (folder, entry) => {
  needTrace();
  const findings: Finding[] = [];
  for (const [name, part] of Object.entries({ slow, hung })) {
    if ((values.part ?? name) !== name) continue;
    const own = join(folder, name);
    mkdirSync(own);
    // Who loads must wait longer than the gateway may take, or it could not be seen to be late.
    const patience = { answerMs: 2 * ANSWER_SECONDS * 1000 };
    const load = { lanes: Number(values.lanes), batch: Number(values.batch), rate: Number(values.rate), ...patience };
    const options = { folder: own, log: join(own, 'log'), entry, seed: Number(values.seed), load, repeats: REPEATS };
    findings.push(...(await audited({ ...options, leastAcked: Number(values['least-acked']) }, part)));
  }
  return findings;
});

async function slow({ startLoad, start, loaded, answers }: Round): Promise<Happened> {
  const well = await start();
  startLoad();
  const before = await measured(loaded);
  await well.stop();
  const tired = await start(under({ call: 'fdatasync', when: 1, fault: { delayMs: syncMs } }));
  const during = await measured(loaded);
  await tired.stop();
  const gateway = await start();
  const told = answers().filter(({ at = 0 }) => at < during.to);
  const [quick, late] = [before, during].map(({ from, to }) => ackedPerSecond(told, from, to)) as [number, number];
  const synced = told.filter(({ kind, at = 0 }) => kind === 'acked' && at > during.from);
  return {
    gateway,
    findings: [
      atLeast('MET', `answers of 2xx while each sync took ${syncMs} ms`, synced.length, 50),
      judgeSyncs(told, during.from, syncMs),
      atLeast(
        'THROUGHPUT',
        `% of events per second of the well disk, ${late.toFixed(0)} of ${quick.toFixed(0)}`,
        Math.round((late / quick) * 100),
        LEAST_PERCENT,
      ),
    ],
  };
}

/** The time in which the load gets answers as it does all the time. */
async function measured(loaded: Round['loaded']): Promise<{ readonly from: number; readonly to: number }> {
  await loaded();
  await pause(1000);
  const from = Date.now();
  await pause(secondsEach * 1000);
  return { from, to: Date.now() };
}

async function hung({ startLoad, start, loaded, answers, output }: Round): Promise<Happened> {
  startLoad();
  const stuck = await start(under({ call: 'fdatasync', when: FIRST_SYNCS, fault: { delayMs: hangMs } }));
  const entries = () => linesOf<Entry>(join(dirname(output), 'audit/ledger.ndjson'));
  const refused = () => refusals(answers()) > 0;
  // It may never say so: that is for the findings to tell.
  await until(refused, hangMs).catch(() => {});
  const before = entries();
  // Whoever waits now must have an answer by then. Syncs hang for longer, so none comes by their going on.
  await pause(ANSWER_SECONDS * 1000);
  const [told, forgotten] = [answers(), stillOpen(before, entries())];
  await stuck.kill();
  const gateway = await start();
  await loaded();
  return {
    gateway,
    findings: [
      atLeast('MET', 'answers of 503 while syncs hung', refusals(told), 1),
      none(
        'FORGOTTEN',
        `requests sent more than ${ANSWER_SECONDS} s before the end, and not answered by then`,
        forgotten.map(({ lane, from, crcs }) => `${lane}, ${crcs.length} from ${from}`),
      ),
      ...judgeAnswers(told, { slowestSeconds: ANSWER_SECONDS, breaks: true }),
    ],
  };
}
