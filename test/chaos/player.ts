import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from './scenario.ts';

export interface Playing {
  /** Its arguments, beside the file of its result. */
  readonly options: readonly string[];
  /** The beginning of the names of its files: what it prints is in `<path>.log`. */
  readonly path: string;
  /** When it is told to end; never if absent. */
  readonly limitMs?: number;
}

/** Plays a scenario in a process of its own, which does not outlive this one, and gives how it ended. */
export async function playedApart(scenario: string, { options, path, limitMs }: Playing): Promise<Result> {
  const [file, result, output] = [join(import.meta.dirname, `${scenario}.ts`), `${path}.json`, `${path}.log`];
  const words = ['--import', 'tsx', file, ...options, '--result', result];
  const printed = openSync(output, 'a');
  const child = spawn(process.execPath, words, { stdio: ['ignore', printed, printed] });
  // It ends its own processes then.
  const end = () => void child.kill('SIGTERM');
  process.once('exit', end);
  const late = limitMs === undefined ? undefined : setTimeout(end, limitMs);
  await new Promise((resolve) => child.once('exit', resolve));
  clearTimeout(late);
  process.removeListener('exit', end);
  if (existsSync(result)) return JSON.parse(readFileSync(result, 'utf8')) as Result;
  const why = `it ended without a result: ${readFileSync(output, 'utf8').slice(-2000)}`;
  return { verdict: 'failed', why, findings: [] };
}
