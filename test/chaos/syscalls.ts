import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Injection, under } from '../support/strace.ts';
import { needTrace } from './disk/needs.ts';
import { audited, type Happened, IN_FLIGHT, type Round } from './disk/round.ts';
import { atMost, exactly } from './findings.ts';
import { commonOptions, judged } from './scenario.ts';

/**
 * kill -9 as a system call of the gateway begins: between two writes of one commit, before its sync, before an answer or a
 * delivery goes out. Which call, and the how manieth of its thread, the seed says; some come while the gateway starts.
 *
 *   node --import tsx test/chaos/syscalls.ts --kills 8 --seed 1
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    kills: { type: 'string', default: '8' },
    lanes: { type: 'string', default: '64' },
    batch: { type: 'string', default: '10' },
    /** Events per second. */
    rate: { type: 'string', default: '2000' },
    /** Fewer acknowledged events prove too little. */
    'least-acked': { type: 'string', default: '1000' },
  },
});

/** What the embedded log syncs and writes with, and what answers and deliveries leave with; and up to which of a thread's calls. */
const calls: readonly { readonly call: Injection['call']; readonly upTo: number }[] = [
  { call: 'fdatasync', upTo: 25 },
  { call: 'pwrite64', upTo: 80 },
  { call: 'writev', upTo: 80 },
  { call: 'write', upTo: 250 },
];
const READY_SECONDS = 30;
/** It is too busy to come to the call, or needs it less often than thought. */
const PATIENCE_MS = 60_000;
const kills = Number(values.kills);

await judged(values, async (folder, entry) => {
  needTrace();
  const load = { lanes: Number(values.lanes), batch: Number(values.batch), rate: Number(values.rate) };
  const options = {
    folder,
    log: join(folder, 'log'),
    entry,
    seed: Number(values.seed),
    load,
    repeats: kills * IN_FLIGHT,
  };
  return audited({ ...options, leastAcked: Number(values['least-acked']) }, killAgain);
});

async function killAgain({ random, startLoad, launch, start, loaded, readyMs }: Round): Promise<Happened> {
  startLoad();
  let met = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const { call, upTo } = calls[kill % calls.length] ?? { call: 'fdatasync', upTo: 25 };
    const when = 1 + Math.floor(upTo * random());
    const gateway = launch(under({ call, when, fault: 'kill' }));
    let late = false;
    const patience = setTimeout(() => {
      late = true;
      void gateway.kill();
    }, PATIENCE_MS);
    const exit = await gateway.exited();
    clearTimeout(patience);
    if (exit === 'SIGKILL' && !late) met += 1;
    console.log(`kill ${kill + 1} at ${call} ${when} of a thread: ${late ? 'it did not come to that' : exit}`);
  }
  const gateway = await start();
  await loaded();
  return {
    gateway,
    findings: [
      exactly('MET', 'gateways killed at their system call', met, kills),
      atMost('READY', 'seconds from the last start to ready', Math.max(...readyMs) / 1000, READY_SECONDS),
    ],
  };
}
