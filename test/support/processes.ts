import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** A process and its children, the parent first. */
export const family = (pid: number): number[] => [
  pid,
  ...processes()
    .filter(({ parent }) => parent === pid)
    .map((child) => child.pid),
];

/** All processes below one, at any depth. */
export function descendants(pid: number): number[] {
  const all = processes();
  const below = (parent: number): number[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one.pid, ...below(one.pid)]);
  return below(pid);
}

/** Those that still run; what only waits for its parent to take notice of its end does not. */
export function alive(pids: readonly number[]): number[] {
  const running = new Set(processes().map(({ pid }) => pid));
  return pids.filter((pid) => running.has(pid));
}

/** Sends a signal to those that are still there. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
}

/**
 * Kills what runs below a process, at any depth. PostgreSQLs are left to the shells that end them when their process is gone, which take
 * their shared memory along (postgres-home.ts); other shells end with what they wait for.
 */
export function killBelow(pid: number): void {
  const spared = new Set(['postgres', 'sh']);
  const programs = new Map(processes().map(({ pid, program }) => [pid, program]));
  signal(
    descendants(pid).filter((one) => !spared.has(programs.get(one) ?? '')),
    'SIGKILL',
  );
}

/** Kills a process and what runs below it. */
export function killTree({ pid }: { readonly pid?: number | undefined }): void {
  if (pid === undefined) return;
  // Stopped first, so that it starts nothing while it is looked at.
  signal([pid], 'SIGSTOP');
  killBelow(pid);
  signal([pid], 'SIGKILL');
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** The name of its file. */
  readonly program: string;
}

/** Slim images have no `ps`, and macOS has no /proc. */
const processes = (): Process[] => (existsSync('/proc/self/stat') ? processesInProc() : processesByPs());

function processesInProc(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // The name of the program stands in parentheses, and may hold any character.
        const end = stat.lastIndexOf(')');
        const [state, parent] = stat.slice(end + 2).split(' ');
        const program = stat.slice(stat.indexOf('(') + 1, end);
        return state === 'Z' || state === 'X' ? [] : [{ pid: Number(name), parent: Number(parent), program }];
      } catch {
        return [];
      }
    });
}

function processesByPs(): Process[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,comm='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([pid, , state]) => pid && !state?.startsWith('Z'))
    .map(([pid, parent, , program = '']) => ({ pid: Number(pid), parent: Number(parent), program: basename(program) }));
}
