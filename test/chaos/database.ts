import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cut } from './database/cut.ts';
import { deadlock } from './database/deadlock.ts';
import { disk } from './database/disk.ts';
import { failover } from './database/failover.ts';
import type { Fault } from './database/fault.ts';
import { kill } from './database/kill.ts';
import { liar } from './database/liar.ts';
import { limit } from './database/limit.ts';
import { pause } from './database/pause.ts';
import { restart } from './database/restart.ts';
import { takeover } from './database/takeover.ts';
import { versions } from './database/versions.ts';
import type { Finding } from './findings.ts';
import { commonOptions, judged } from './scenario.ts';

const { log: _, ...common } = commonOptions;

const { values } = parseArgs({
  options: {
    ...common,
    fault: { type: 'string', default: 'all' },
    seconds: { type: 'string' },
    short: { type: 'boolean', default: false },
  },
});
const faults: readonly Fault[] = [kill, restart, pause, cut, disk, failover, limit, deadlock, takeover, versions, liar];

await judged(values, async (folder, entry) => {
  const chosen = faults.filter(({ name }) => values.fault === 'all' || values.fault === name);
  const findings: Finding[] = [];
  for (const fault of chosen) {
    const own = join(folder, fault.name);
    mkdirSync(own);
    const seconds = Number(values.seconds ?? fault.seconds[values.short ? 'short' : 'usual']);
    console.log(`${fault.name}: ${seconds} s`);
    findings.push(...(await fault.play({ folder: own, entry, seed: Number(values.seed), seconds })));
  }
  return findings;
});
