import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runLoad, startBenchGateway, token, withFolder } from './subjects.ts';

/** The part of V8's profile format that is used here. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** The node that was running at each sample. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileOptions {
  readonly entry: string;
  readonly events: number;
  readonly seconds: number;
  readonly connections: number;
  readonly pipelines: readonly object[];
}

const shown = 15;

/** One round under V8's sampling profiler: the functions in which the gateway's main thread spent its time, themselves, as a Markdown table. */
export function profiled({ entry, events, seconds, connections, pipelines }: ProfileOptions): Promise<string> {
  return withFolder(async (folder) => {
    const profiles = join(folder, 'profiles');
    const nodeArguments = ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
    const { port, pid, stop } = await startBenchGateway({ entry, folder, pipelines, nodeArguments });
    await runLoad({ port, pid, token, events, connections, warmupSeconds: 1, seconds, seed: 1 });
    await stop();
    return selfTimeTable(profiles);
  });
}

/** The functions in which the process that wrote its profiles into this folder spent its time, themselves, as a Markdown table. */
export function selfTimeTable(profiles: string): string {
  // Worker threads write a profile each; the main thread's is the one with the most work in it.
  const all = readdirSync(profiles).map((name) => selfTimes(readProfile(join(profiles, name))));
  const [busiest] = all.sort((a, b) => sum(b) - sum(a));
  if (!busiest) throw new Error(`expected a profile in ${profiles}, got none: did the gateway end by itself?`);
  return table(busiest);
}

type SelfTimes = ReadonlyMap<string, number>;

/** Microseconds by function, idle time left out. */
function selfTimes({ nodes, samples, timeDeltas }: Profile): SelfTimes {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  samples.forEach((id, index) => {
    const name = names.get(id) ?? '(unknown)';
    if (name !== '(idle)') times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  });
  return times;
}

function table(times: SelfTimes): string {
  const total = sum(times);
  const rows = [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, shown)
    .map(([name, time]) => `| ${((time / total) * 100).toFixed(1)} % | ${name} |`);
  return ['| self time | function |', '|---|---|', ...rows].join('\n');
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const name = functionName || '(anonymous)';
  if (url === '') return name;
  const path = url.startsWith('file:') ? fileURLToPath(url) : url;
  return `${name} ${path.replace(/^.*\/(?=dist\/|node_modules\/)/, '')}:${lineNumber + 1}`;
}

const readProfile = (path: string): Profile => JSON.parse(readFileSync(path, 'utf8')) as Profile;
const sum = (times: SelfTimes): number => [...times.values()].reduce((total, time) => total + time, 0);
