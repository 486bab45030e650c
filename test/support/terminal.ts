import type { Exit } from '../../server/cli/output.ts';
import { cli } from '../../server/cli.ts';

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly isTty?: boolean;
  readonly columns?: number;
  /** What the person at the terminal answers; without it there is nobody to ask. */
  readonly answer?: boolean;
  readonly interrupted?: AbortSignal;
  /** Called for every wait, which takes no time. */
  readonly onSleep?: (ms: number) => void | Promise<void>;
  /** Called for every line of output as it is written. */
  readonly onOut?: (text: string) => void;
}

export interface Run {
  readonly exit: Exit;
  readonly out: string;
  readonly err: string;
  readonly questions: readonly string[];
  /** Progress lines in order. */
  readonly progress: readonly string[];
}

/** Runs one command in this process, at a terminal made of arrays. */
export async function runCli(args: readonly string[], surroundings: Surroundings = {}): Promise<Run> {
  const { env = {}, isTty = false, columns = 80, answer, onSleep, onOut } = surroundings;
  const out: string[] = [];
  const err: string[] = [];
  const questions: string[] = [];
  const progress: string[] = [];
  const interrupted = surroundings.interrupted ?? new AbortController().signal;
  let made = 0;
  const exit = await cli(args, {
    out: (text) => {
      out.push(text);
      onOut?.(text);
    },
    err: (text) => void err.push(text),
    env,
    now: () => Date.parse('2026-06-01T12:00:00Z'),
    sleep: async (ms) => onSleep?.(ms),
    randomId: () => `id-${++made}`,
    randomHex: (bytes) => 'ab'.repeat(bytes),
    isTty,
    columns,
    ...(answer !== undefined && {
      confirm: async (question: string) => {
        questions.push(question);
        return answer;
      },
    }),
    progress: (line) => void progress.push(line),
    interrupted: () => interrupted,
  });
  return { exit, out: out.join('\n'), err: err.join('\n'), questions, progress };
}
