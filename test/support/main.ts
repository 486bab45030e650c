import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { built } from './built.ts';
import { until } from './until.ts';

// Before any test runs: it takes seconds.
const main = built();

/** The gateway as processes of its own, as an operator starts it. */
export interface Started {
  readonly child: ChildProcess;
  /** Its exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Everything it has printed. */
  output(): string;
  /** Its log lines so far. */
  lines(): readonly Record<string, unknown>[];
  /** Resolves when it has started. */
  port(): Promise<number>;
  /** Process ids of the web processes that have come to take events, in that order. */
  webs(): number[];
  /** Sends a signal to all its processes at once, as platforms do. */
  signalAll(signal: NodeJS.Signals): void;
}

/** `entry`: another of the build's entry points, or the path of one of another build. */
export function startMain(cwd: string, env: Record<string, string> = {}, entry = 'main.js'): Started {
  const child = spawn(process.execPath, [resolve(dirname(main), entry)], {
    cwd,
    env: { PATH: process.env.PATH, PORT: '0', HOST: '127.0.0.1', ...env },
    // A process group of its own, so that it can be signalled as a whole.
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  const ended = new Promise<number | null>((end) => child.once('exit', end));
  const read: Record<string, unknown>[] = [];
  let readUntil = 0;
  // Each line once: tests ask every few milliseconds.
  const lines = () => {
    const end = output.lastIndexOf('\n') + 1;
    for (const line of output.slice(readUntil, end).split('\n'))
      if (line.startsWith('{"level"')) read.push(JSON.parse(line));
    readUntil = end;
    return read;
  };
  const started = () => lines().find(({ msg }) => msg === 'gateway started');
  return {
    child,
    ended,
    output: () => output,
    lines,
    port: async () =>
      Number((await until(() => started() ?? child.exitCode !== null, 60_000).then(() => started()))?.port ?? 0),
    webs: () => lines().flatMap(({ msg, pid }) => (msg === 'a web process takes events' ? [Number(pid)] : [])),
    signalAll: (signal) => {
      try {
        process.kill(-Number(child.pid), signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    },
  };
}
