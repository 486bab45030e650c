import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Counts } from './describe.ts';
import { type Postgres, startPostgres } from './postgres.ts';

/** A file that takes longer is ended, and fails. */
const LIMIT_MS = 180_000;

/** What a process prints behind its tests' own lines, before the counts in JSON. */
export const MARK = '\u001e';

export interface FileReport extends Counts {
  readonly file: string;
  readonly ms: number;
  readonly ok: boolean;
  /** Why it ended without a report of its own. */
  readonly ended: string | undefined;
  readonly output: string;
}

export interface TestProcess {
  /** One at a time; `file` is a path below test/. */
  run(file: string): Promise<FileReport>;
  end(): void;
}

/** A process that runs one test file after the other, so that what they import is loaded once. */
export function startProcess(): TestProcess {
  const child = fork(join(import.meta.dirname, 'run-files.js'), {
    execArgv: ['--enable-source-maps'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  let look = () => {};
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      look();
    });
  let left: string | undefined;
  child.once('close', (code, signal) => {
    left = `ended early with ${signal ?? code}`;
    look();
  });
  child.on('message', async () => child.connected && child.send({ postgres: await sharedUrl() }));

  return {
    run(file) {
      const since = performance.now();
      output = '';
      child.send({ file: join(import.meta.dirname, '..', file.replace(/\.ts$/, '.js')) });
      return new Promise((resolve) => {
        const limit = setTimeout(() => {
          left = `still running after ${LIMIT_MS / 1000} s`;
          child.kill('SIGKILL');
          look();
        }, LIMIT_MS);
        look = () => {
          const [text = '', counts] = output.split(MARK);
          if (left === undefined && !counts?.endsWith('\n')) return;
          clearTimeout(limit);
          look = () => {};
          const found: Counts = left === undefined ? JSON.parse(String(counts)) : NOTHING;
          const ok = left === undefined && found.failed === 0 && found.passed + found.skipped.length > 0;
          resolve({ file, ms: performance.now() - since, ok, ended: left, output: text, ...found });
        };
      });
    },
    end: () => void (left === undefined ? child.disconnect() : child.kill('SIGKILL')),
  };
}

const NOTHING: Counts = { passed: 0, failed: 0, skipped: [], tests: [] };

let shared: Promise<Postgres> | undefined;

/** One PostgreSQL for the whole run, without fsync; it ends with this process. */
async function sharedUrl(): Promise<string> {
  shared ??= startPostgres({ settings: { fsync: 'off', max_connections: '400' } });
  return (await shared).url('postgres');
}
