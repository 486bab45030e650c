import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface ChildOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** The processor core it may use; any where taskset is missing. */
  readonly core?: number | undefined;
  /** A program, with its arguments, that starts Node in its place, such as strace. */
  readonly under?: readonly string[] | undefined;
  readonly folder?: string;
  /** A file that collects what it prints, so that no full pipe can hold it up. Absent: its errors are ours, its output is for who reads `stdout`, and it can `process.send`. */
  readonly output?: string;
}

/** Whether processes can be bound to a core here: taskset is there and so are two cores. */
export const canPin: boolean = spawnSync('taskset', ['-c', '1', process.execPath, '-e', '']).status === 0;

const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Starts Node with these arguments, in a clean environment. Whatever still runs when this process exits is killed. */
export function startNode(nodeArguments: readonly string[], options: ChildOptions = {}): ChildProcess {
  const pinned = options.core !== undefined && canPin ? ['taskset', '-c', String(options.core)] : [];
  const [command = process.execPath, ...rest] = [
    ...pinned,
    ...(options.under ?? []),
    process.execPath,
    ...nodeArguments,
  ];
  const output = options.output === undefined ? undefined : openSync(options.output, 'a');
  const child = spawn(command, rest, {
    cwd: options.folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TZ: 'UTC', ...options.environment },
    stdio: output === undefined ? ['ignore', 'pipe', 'inherit', 'ipc'] : ['ignore', output, output],
  });
  if (output !== undefined) closeSync(output);
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  return child;
}

const GONE_MS = 5_000;

/** kill -9 to whatever still runs. Resolves once all of it is gone, or after some seconds. */
export async function endAll(): Promise<void> {
  const gone = Promise.all([...alive].map((child) => ended(child, 'SIGKILL')));
  await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, GONE_MS))]);
}

/** Starts a TypeScript file that takes its options as one argument of JSON. */
export const startScript = (file: string, options: object): ChildProcess =>
  startNode(['--import', 'tsx', file, JSON.stringify(options)]);

/** Sends the signal and gives the exit code once the process is gone (null where a signal ended it). */
export function ended(child: ChildProcess, signal?: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (signal) child.kill(signal);
  return exit;
}

/** Resolves with the first message of a child; rejects if it exits before. */
export function firstMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) =>
      reject(new Error(`expected a message from ${child.spawnargs.at(-1)}, it exited ${code}`)),
    );
  });
}
