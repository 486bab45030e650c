import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Counts } from '../support/describe.ts';
import { killTree } from '../support/processes.ts';

/** What a process writes to both its streams after all that a file's tests have printed. */
export const MARK = '\u001e';

export interface FileReport extends Counts {
  /** Its path below test/. */
  readonly file: string;
  readonly ms: number;
  readonly ok: boolean;
  /** Why it ended without a report of its own. */
  readonly ended: string | undefined;
  readonly output: string;
}

export interface TestProcess {
  /** One file at a time. */
  run(file: string): Promise<FileReport>;
  /** Ends it, and what its tests left running. Gives a report where it failed on its way out. */
  end(): Promise<FileReport | undefined>;
  /** Kills it, and everything that its tests have started. */
  kill(): void;
}

export interface ProcessOptions {
  /** What follows the script in its `process.argv`. */
  readonly args: readonly string[];
  /** A file that takes longer is ended. */
  readonly limitMs: number;
  /** For temporary files. */
  readonly folder: string;
  /** The URL of a PostgreSQL for all who ask. */
  postgres(): Promise<string>;
}

const STREAMS = 2;
const NOTHING: Counts = { passed: 0, failed: 0, skipped: [], tests: [] };

/** A process that runs one test file after the other, so that what they import is loaded once. */
export function startProcess({ args, limitMs, folder, postgres }: ProcessOptions): TestProcess {
  const child = fork(join(import.meta.dirname, 'run-files.js'), args, {
    execArgv: ['--enable-source-maps'],
    // Ctrl-C in a terminal reaches its whole group: only the run is in it, and ends the others with all that they have started.
    detached: true,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let [file, since, output, busy] = ['', 0, '', false];
  let counts: Counts | undefined;
  /** Why this process takes no more files. */
  let ended: string | undefined;
  let why: string | undefined;
  let look = (): void => {};
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      look();
    });
  child.on('message', async (message: { counts?: Counts }) => {
    if (message.counts === undefined) return child.connected && child.send({ postgres: await postgres() });
    counts = message.counts;
    look();
  });
  const gone = exitOf(child).then(({ code, signal }) => {
    if (busy) ended = why ?? `ended early with ${signal ?? code}`;
    else if (code !== 0) ended = `ended with ${signal ?? code} after its tests`;
    look();
  });

  const report = (): FileReport => {
    const found = ended === undefined && counts ? counts : NOTHING;
    const ok = ended === undefined && found.failed === 0 && found.passed + found.skipped.length > 0;
    return { ...found, file, ms: performance.now() - since, ok, ended, output: output.replaceAll(MARK, '') };
  };
  return {
    run(next) {
      [file, since, output, busy, counts] = [next, performance.now(), '', true, undefined];
      if (child.connected) child.send({ file: join(import.meta.dirname, '..', file.replace(/\.ts$/, '.js')) });
      const limit = setTimeout(() => {
        why = `still running after ${limitMs / 1000} s`;
        void killTree(child);
      }, limitMs);
      return new Promise((resolve) => {
        look = () => {
          const reported = counts !== undefined && output.split(MARK).length > STREAMS;
          if (!reported && ended === undefined) return;
          look = () => {};
          busy = false;
          clearTimeout(limit);
          resolve(report());
        };
        look();
      });
    },
    async end() {
      const before = ended;
      if (child.connected) child.disconnect();
      await gone;
      return ended === before ? undefined : report();
    },
    kill: () => killTree(child),
  };
}

/** What it has started may hold its streams open for ever: they are waited for half a second. */
async function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  const closed = once(child, 'close');
  const [code, signal] = await once(child, 'exit');
  await Promise.race([closed, new Promise((late) => setTimeout(late, 500).unref())]);
  return { code, signal };
}
