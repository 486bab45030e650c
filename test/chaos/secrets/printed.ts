import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';

/** Where the processes of a scenario run, and on what. */
export interface Place {
  /** The built `main.js`. */
  readonly entry: string;
  readonly folder: string;
  /** Where the gateway listens. */
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** A Node process, of which every word is kept. */
export interface Printing {
  /** What it has printed so far. */
  said(): string;
  /** Resolves once it has ended, with its exit code: by itself, or when it is told to after this long, as with Ctrl-C. */
  ended(limitMs: number): Promise<{ readonly text: string; readonly code: number | null }>;
}

export const cliOf = (entry: string): string => join(dirname(entry), 'cli.js');

const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export function printing(
  words: readonly string[],
  { folder, environment }: Pick<Place, 'folder' | 'environment'>,
): Printing {
  const child = spawn(process.execPath, words, { cwd: folder, env: { PATH: process.env.PATH, ...environment } });
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += String(chunk);
    });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    said: () => text,
    async ended(limitMs) {
      const late = setTimeout(() => child.kill('SIGINT'), limitMs);
      const code = await closed;
      clearTimeout(late);
      return { text, code };
    },
  };
}
