import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { canPin } from '../chaos/children.ts';
import { built } from '../chaos/gateway.ts';
import { measureDrains } from './drain.ts';
import { profiled } from './profile.ts';
import { measureRates } from './rates.ts';
import { doubts, drainTable, machine, ratesTable } from './report.ts';
import { loadCore } from './subjects.ts';

/**
 * Measures the gateway against its ceiling: `npm run bench -- [--seconds 4] [--rounds 5] [--json] [--profile]`.
 * Progress goes to stderr, the result to stdout. Exit code 1 if requests failed.
 */
const { values } = parseArgs({
  options: {
    /** Of each round. */
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
    /** Events per body. */
    sizes: { type: 'string', default: '1,10,100' },
    /** Events on the full log; 0 leaves the drain out. */
    drain: { type: 'string', default: '300000' },
    /** Lets a file pipeline read along while the rates are measured. */
    pipeline: { type: 'boolean', default: false },
    /** One round of each size under the profiler, and nothing else. */
    profile: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** The gateway's main.js; built from the sources if absent. */
    entry: { type: 'string' },
  },
});

const [seconds, rounds, connections] = [Number(values.seconds), Number(values.rounds), Number(values.connections)];
const sizes = values.sizes
  .split(',')
  .map(Number)
  .filter((size) => size > 0);
const entry = values.entry === undefined ? built() : resolve(values.entry);
const pipelines = values.pipeline ? [{ id: 'archive', destination: { type: 'file', directory: 'archive' } }] : [];
const tell = (line: string): void => void process.stderr.write(`${line}\n`);

// This process must not disturb the server's core.
if (canPin) spawnSync('taskset', ['-cp', String(loadCore), String(process.pid)]);

if (values.profile) await printProfiles();
else await printMeasurements();
process.exit();

async function printProfiles(): Promise<void> {
  for (const events of sizes) {
    const table = await profiled({ entry, events, seconds, connections, pipelines });
    console.log(`\n${events} events per body\n\n${table}`);
  }
}

async function printMeasurements(): Promise<void> {
  const rates = rounds > 0 ? await measureRates({ entry, sizes, rounds, seconds, connections, pipelines }, tell) : [];
  const drains = Number(values.drain) > 0 ? await measureDrains(entry, Number(values.drain)) : [];
  const warnings = doubts(rates);
  if (values.json) console.log(JSON.stringify({ machine: machine(), rates, drains, warnings }, null, 2));
  else {
    const tables = [rates.length > 0 ? ratesTable(rates) : '', drains.length > 0 ? drainTable(drains) : ''];
    console.log([machine(), ...tables, ...warnings].filter((part) => part !== '').join('\n\n'));
  }
  if (rates.some(({ gateway, half }) => [...gateway, half].some(({ failures }) => Object.keys(failures).length > 0)))
    process.exitCode = 1;
}
