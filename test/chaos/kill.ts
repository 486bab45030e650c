import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { temporaryFolder } from '../support/folder.ts';
import { type Audit, startAudit } from './audit.ts';
import { freePort } from './children.ts';
import { built, type Gateway, startGateway } from './gateway.ts';
import { seeded } from './random.ts';
import { verdictTable } from './verdict-table.ts';

/**
 * F1 of the fault catalogue: kill -9 at random moments under load, restart on the same folder, go on. In the end everything
 * that was acknowledged must be at every destination of its shop. Exit code 1 if it is not.
 *
 *   node --import tsx test/chaos/kill.ts --kills 5 --seed 1 --seconds 20
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    /** How long the load runs. */
    seconds: { type: 'string', default: '20' },
    lanes: { type: 'string', default: '32' },
    batch: { type: 'string', default: '10' },
    /** Events per second. */
    rate: { type: 'string', default: '6000' },
    /** Most events that one kill may make one destination see again. */
    'in-flight': { type: 'string', default: '1000' },
    /** How long the destinations may take to catch up when the load has stopped. */
    'quiet-seconds': { type: 'string', default: '90' },
    /** The gateway's main.js; built from the sources if absent. */
    entry: { type: 'string' },
    /** Leave the folder with the log, the ledger and the records. */
    keep: { type: 'boolean', default: false },
  },
});

const kills = Number(values.kills);
const seed = Number(values.seed);
const seconds = Number(values.seconds);
const entry = values.entry === undefined ? built() : resolve(values.entry);
const temporary = temporaryFolder();
const port = await freePort();
const [lanes, batch, rate] = [Number(values.lanes), Number(values.batch), Number(values.rate)];

console.log(
  `kill -9 x ${kills} in ${seconds} s, seed ${seed}, ${lanes} lanes, ${rate} events/s, folder ${temporary.path}`,
);
const audit = await startAudit({ folder: join(temporary.path, 'audit'), port, seed, lanes, batch, rate });
const failure = await run(audit).catch((error: unknown) => error);
await audit.close();
if (failure !== undefined) console.error(failure);
if (values.keep) console.log(`kept: ${temporary.path}`);
else temporary.remove();
process.exit(failure === undefined ? 0 : 1);

async function run(audit: Audit): Promise<void> {
  const start = () => startGateway({ entry, folder: temporary.path, port, config: audit.config });
  const first = start();
  console.log(`ready after ${(await first.ready()).toFixed(0)} ms`);
  audit.startLoad();
  const last = await killed(first, start);
  await audit.stopLoad();
  const verdict = await audit.verdict(Number(values['quiet-seconds']) * 1000, kills * Number(values['in-flight']));
  const stoppedAt = performance.now();
  const code = await last.stop();
  console.log(`SIGTERM: exit ${code} after ${(performance.now() - stoppedAt).toFixed(0)} ms\n`);
  console.log(verdictTable(verdict));
  if (!verdict.passed) throw new Error(`the promise is broken; repeat with --seed ${seed}`);
  if (code !== 0) throw new Error(`expected exit code 0 at SIGTERM, got ${code}`);
}

/** Kills and restarts at random moments, one within each equal part of the time; gives the gateway that lives in the end. */
async function killed(first: Gateway, start: () => Gateway): Promise<Gateway> {
  const random = seeded(seed);
  const begin = performance.now();
  const part = (seconds * 1000) / (kills + 1);
  let gateway = first;
  for (let kill = 1; kill <= kills; kill += 1) {
    // The middle of each part: a gateway needs some time to be under load again before the next kill means anything.
    const moment = begin + part * (kill - 1 + 0.3 + 0.7 * random());
    await pause(moment - performance.now());
    await gateway.kill();
    gateway = start();
    const readyMs = await gateway.ready(10_000);
    console.log(
      `kill ${kill} at ${((moment - begin) / 1000).toFixed(2)} s: ready again after ${readyMs.toFixed(0)} ms`,
    );
  }
  await pause(begin + seconds * 1000 - performance.now());
  return gateway;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
