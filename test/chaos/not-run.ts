import { spawnSync } from 'node:child_process';

/** This machine lacks what a scenario needs. It counts as not run, in red, and never as passed. */
export class NotRun extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'NotRun';
  }
}

/** Throws NotRun where one of these programs is missing, with the Debian package that has it. */
export function needPrograms(programs: Readonly<Record<string, string>>): void {
  const missing = Object.entries(programs).filter(([program]) => spawnSync('which', [program]).status !== 0);
  if (missing.length > 0)
    throw new NotRun(missing.map(([program, from]) => `${program} is missing (Debian: ${from})`).join(', '));
}

/** Throws NotRun for anyone but root. */
export function needRoot(why: string): void {
  if (process.getuid?.() !== 0) throw new NotRun(`only root may ${why}`);
}
