import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { systemClock } from '../base/clock.ts';
import type { Terminal } from './output.ts';

/** The terminal of a process. Questions and progress go to standard error; standard output is for results. */
export function terminalOf(process: NodeJS.Process, env: Terminal['env']): Terminal {
  const { stdin, stdout, stderr } = process;
  // A reader such as head may close the pipe early; that is no failure.
  for (const stream of [stdout, stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(0);
    });
  return {
    ...systemClock,
    out: console.log,
    taken: async () => {
      if (stdout.writableNeedDrain) await once(stdout, 'drain');
    },
    err: console.error,
    env,
    randomId: randomUUID,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    isTty: stdout.isTTY === true,
    get columns() {
      return stdout.columns || Number(/^[1-9]\d{0,4}$/.exec(env.COLUMNS ?? '')?.[0] ?? 80);
    },
    ...(stdin.isTTY && stderr.isTTY && { confirm: (question) => confirm(question, stdin, stderr) }),
    progress: (line) => {
      if (stderr.isTTY) stderr.write(`\r\u001b[2K${line}`);
    },
    interrupted: interruption(process),
  };
}

async function confirm(question: string, input: NodeJS.ReadStream, output: NodeJS.WriteStream): Promise<boolean> {
  const lines = createInterface({ input, output });
  try {
    return /^\s*y(es)?\s*$/i.test(await lines.question(`${question} [y/N] `));
  } catch {
    // Ctrl-C and Ctrl-D mean no.
    return false;
  } finally {
    lines.close();
  }
}

function interruption(process: NodeJS.Process): () => AbortSignal {
  let controller: AbortController | undefined;
  return () => {
    if (controller === undefined) {
      const made = new AbortController();
      // Only once: a second Ctrl-C ends the process as usual.
      process.once('SIGINT', () => made.abort());
      controller = made;
    }
    return controller.signal;
  };
}
