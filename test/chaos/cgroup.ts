import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NotRun, needRoot } from './not-run.ts';

export interface Limits {
  readonly memoryMb?: number;
  /** Part of one core. */
  readonly cpu?: number;
}

/** A control group of our own. */
export interface Cgroup {
  /** Starts a program inside of it; for `under` of a child. */
  readonly under: readonly string[];
  /** How often the limits were felt: periods in which it got no processor any more, or how often memory had to be reclaimed. */
  felt(): number;
  /** How often the kernel killed one of its processes because there was no memory left; never without a limit of it. */
  killed(): number;
  /** Takes memory away, as much as can be given back; what is needed from then on is too much. Does nothing without a limit of it. */
  squeeze(): void;
  /** Call it when its processes are gone. What is forgotten is removed when this process exits. */
  remove(): void;
}

const root = '/sys/fs/cgroup';

/** Throws NotRun where control groups of neither version can be made. */
export function openCgroup(limits: Limits): Cgroup {
  needRoot('make control groups');
  try {
    return existsSync(join(root, 'cgroup.controllers')) ? unified(limits) : divided(limits);
  } catch (error) {
    throw new NotRun(`no control group can be made here: ${error instanceof Error ? error.message : error}`);
  }
}

/** The files of a controller of memory. */
interface MemoryFiles {
  readonly usage: string;
  readonly limit: string;
  /** Has a line `oom_kill <times>`. */
  readonly events: string;
}

/** Version 2: one tree, whose controllers are handed down. */
function unified({ memoryMb, cpu }: Limits): Cgroup {
  writeFileSync(join(root, 'cgroup.subtree_control'), '+memory +cpu');
  const folder = made(root);
  const memory: MemoryFiles = {
    usage: join(folder, 'memory.current'),
    limit: join(folder, 'memory.max'),
    events: join(folder, 'memory.events'),
  };
  if (memoryMb !== undefined) {
    writeFileSync(memory.limit, `${memoryMb}M`);
    if (existsSync(join(folder, 'memory.swap.max'))) writeFileSync(join(folder, 'memory.swap.max'), '0');
  }
  if (cpu !== undefined) writeFileSync(join(folder, 'cpu.max'), `${cpu * PERIOD_US} ${PERIOD_US}`);
  const felt = () =>
    (cpu === undefined ? 0 : numberIn(join(folder, 'cpu.stat'), 'nr_throttled')) +
    (memoryMb === undefined ? 0 : numberIn(memory.events, 'max'));
  return groupOf([folder], 'cgroup.procs', felt, memoryMb === undefined ? undefined : memory);
}

/** Version 1: a tree for each controller. */
function divided({ memoryMb, cpu }: Limits): Cgroup {
  const memory = memoryMb === undefined ? undefined : made(join(root, 'memory'));
  if (memory) {
    writeFileSync(join(memory, 'memory.limit_in_bytes'), `${memoryMb}M`);
    writeFileSync(join(memory, 'memory.swappiness'), '0');
  }
  const processor = cpu === undefined ? undefined : made(join(root, 'cpu'));
  if (processor) {
    writeFileSync(join(processor, 'cpu.cfs_period_us'), String(PERIOD_US));
    writeFileSync(join(processor, 'cpu.cfs_quota_us'), String((cpu ?? 1) * PERIOD_US));
  }
  const felt = () =>
    (processor ? numberIn(join(processor, 'cpu.stat'), 'nr_throttled') : 0) +
    (memory ? Number(readFileSync(join(memory, 'memory.failcnt'), 'utf8')) : 0);
  return groupOf(
    [memory, processor].filter((folder) => folder !== undefined),
    'tasks',
    felt,
    memory === undefined
      ? undefined
      : {
          usage: join(memory, 'memory.usage_in_bytes'),
          limit: join(memory, 'memory.limit_in_bytes'),
          events: join(memory, 'memory.oom_control'),
        },
  );
}

const PERIOD_US = 100_000;
let count = 0;

function made(under: string): string {
  count += 1;
  const folder = join(under, `headless-events-${process.pid}-${count}`);
  mkdirSync(folder);
  process.once('exit', () => removed(folder));
  return folder;
}

function groupOf(folders: readonly string[], list: string, felt: () => number, memory?: MemoryFiles): Cgroup {
  const enter = folders.map((folder) => `echo $$ > ${join(folder, list)}`).join(' && ');
  return {
    under: ['sh', '-c', `${enter} && exec "$@"`, 'sh'],
    felt,
    killed: () => (memory ? numberIn(memory.events, 'oom_kill') : 0),
    squeeze: () => {
      if (memory && !limited(memory, -STEP_BYTES)) limited(memory, 0);
    },
    remove: () => folders.forEach(removed),
  };
}

const STEP_BYTES = 8 * 1024 ** 2;

/** Sets a limit so far from what is in use. Version 1 refuses where not so much can be given back, but takes back what can be. */
function limited({ usage, limit }: MemoryFiles, bytes: number): boolean {
  try {
    writeFileSync(limit, String(Math.max(0, Number(readFileSync(usage, 'utf8')) + bytes)));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    return false;
  }
}

const REMOVED_WITHIN_MS = 1_000;

/** Processes that were killed a moment ago may still be in it. */
function removed(folder: string): void {
  for (const end = performance.now() + REMOVED_WITHIN_MS; existsSync(folder) && performance.now() < end; ) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    }
  }
}

function numberIn(file: string, name: string): number {
  const [, value = '0'] = new RegExp(`^${name} (\\d+)`, 'm').exec(readFileSync(file, 'utf8')) ?? [];
  return Number(value);
}
