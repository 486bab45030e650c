import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { canPin } from '../chaos/children.ts';
import { built } from '../support/built.ts';
import { measureBacklogs } from './backlog.ts';
import { backlogDoubts, backlogProfiles, backlogTable } from './backlog-table.ts';
import { measureDrains } from './drain.ts';
import { measureIsolation } from './isolation.ts';
import { isolationDoubts, isolationTable } from './isolation-table.ts';
import { latencyTable, measureLatencies } from './latency.ts';
import { profiled } from './profile.ts';
import { measureRates } from './rates.ts';
import { doubts, drainTable, machine, ratesTable } from './report.ts';
import { keepLogsInPostgres, loadCore } from './subjects.ts';

/**
 * Measures the gateway against its ceiling: `npm run bench -- [--seconds 4] [--rounds 5] [--json] [--profile]`;
 * `--isolation [--seconds 20] [--rounds 3] [--rate 200]`: what a sick destination does to its neighbours;
 * `--latency [--seconds 20] [--rates 50,200,1000]`: how long until an event is answered, and until it has arrived;
 * `--backlog [--events 1000000] [--body 1,100] [--profile]`: what waited while a destination was down, delivered.
 * Each with `--log lmdb` or `--log postgres`.
 * Progress goes to stderr, the result to stdout. Exit code 1 if requests failed or a promise was not kept.
 */
const { values } = parseArgs({
  options: {
    isolation: { type: 'boolean', default: false },
    backlog: { type: 'boolean', default: false },
    latency: { type: 'boolean', default: false },
    /** Single events a second whose latency is measured. */
    rates: { type: 'string', default: '50,200,1000' },
    log: { type: 'string', default: 'lmdb' },
    /** Of a backlog, and how many of them come in one body. */
    events: { type: 'string', default: '1000000' },
    body: { type: 'string', default: '1,100' },
    /** Of each round. */
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    /** Events per second, where the load is steady. */
    rate: { type: 'string', default: '200' },
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

const seconds = Number(values.seconds ?? (values.isolation || values.latency ? 20 : 4));
const rounds = Number(values.rounds ?? (values.isolation ? 3 : 5));
const connections = Number(values.connections);
const numbers = (text: string) =>
  text
    .split(',')
    .map(Number)
    .filter((number) => number > 0);
const sizes = numbers(values.sizes);
const entry = values.entry === undefined ? built() : resolve(values.entry);
const pipelines = values.pipeline ? [{ id: 'archive', destination: { type: 'file', directory: 'archive' } }] : [];
const tell = (line: string): void => void process.stderr.write(`${line}\n`);

// This process must not disturb the server's core.
if (canPin) spawnSync('taskset', ['-cp', String(loadCore), String(process.pid)]);

if (!['lmdb', 'postgres'].includes(values.log)) throw new Error(`--log must be lmdb or postgres, got ${values.log}`);
const endLog = values.log === 'postgres' ? await keepLogsInPostgres() : async () => {};
if (values.latency) await printLatencies();
else if (values.isolation) await printIsolation();
else if (values.backlog) await printBacklogs();
else if (values.profile) await printProfiles();
else await printMeasurements();
await endLog();
process.exit();

async function printLatencies(): Promise<void> {
  const latencies = await measureLatencies({ entry, seconds, rates: numbers(values.rates) }, tell);
  const warnings = latencies.flatMap(({ doubts: found }) => found);
  if (values.json) console.log(JSON.stringify({ machine: machine(), latencies, warnings }, null, 2));
  else console.log([machine(), latencyTable(latencies), ...warnings].join('\n\n'));
  if (warnings.length > 0) process.exitCode = 1;
}

async function printProfiles(): Promise<void> {
  for (const events of sizes) {
    const table = await profiled({ entry, events, seconds, connections, pipelines });
    console.log(`\n${events} events per body\n\n${table}`);
  }
}

async function printIsolation(): Promise<void> {
  const isolations = await measureIsolation({ entry, seconds, rounds, rate: Number(values.rate) }, tell);
  const warnings = isolationDoubts(isolations);
  if (values.json) console.log(JSON.stringify({ machine: machine(), isolations, warnings }, null, 2));
  else console.log([machine(), isolationTable(isolations), ...warnings].join('\n\n'));
  if (warnings.length > 0) process.exitCode = 1;
}

async function printBacklogs(): Promise<void> {
  const { profile } = values;
  const options = { entry, events: Number(values.events), bodies: numbers(values.body), profile };
  const backlogs = await measureBacklogs(options, tell);
  const warnings = backlogDoubts(backlogs);
  if (values.json) console.log(JSON.stringify({ machine: machine(), backlogs, warnings }, null, 2));
  else console.log([machine(), backlogTable(backlogs), ...backlogProfiles(backlogs), ...warnings].join('\n\n'));
  if (warnings.length > 0) process.exitCode = 1;
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
