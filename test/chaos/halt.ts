import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/until.ts';
import { pause } from './random.ts';

/** Makes a process stand still, in either way that the world knows. */
export interface Halts {
  /** How to start a process that can be blocked. */
  readonly environment: Readonly<Record<string, string>>;
  /** SIGSTOP, and SIGCONT this many milliseconds later. Resolves then. */
  stop(pid: number, ms: number): Promise<void>;
  /** Its event loop does nothing else for this many milliseconds. Resolves when that is over; rejects if it never was. */
  block(pid: number, ms: number): Promise<void>;
}

export function openHalts(file: string): Halts {
  const done = () => (existsSync(`${file}.done`) ? readFileSync(`${file}.done`, 'utf8').length : 0);
  return {
    environment: { NODE_OPTIONS: `--import=${join(import.meta.dirname, 'block.mjs')}`, BLOCK_FILE: file },
    async stop(pid, ms) {
      process.kill(pid, 'SIGSTOP');
      await until(() => stateOf(pid) === 'T', 1000);
      await pause(ms);
      process.kill(pid, 'SIGCONT');
    },
    async block(pid, ms) {
      const before = done();
      writeFileSync(file, String(ms));
      process.kill(pid, 'SIGUSR2');
      await until(() => done() > before, ms + 10_000);
    },
  };
}

/** Its letter in /proc: T is stopped. */
const stateOf = (pid: number): string | undefined =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.slice(0, 1);
