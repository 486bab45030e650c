import { readFileSync } from 'node:fs';

/** What a process has in memory, in megabytes. */
export interface Memory {
  /** Its own, without the mapped pages of the log, which the system takes back when it needs them. */
  readonly own: number;
  readonly whole: number;
}

/** Throws where there is no such process. */
export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { own: megabytes('RssAnon'), whole: megabytes('VmRSS') };
}
