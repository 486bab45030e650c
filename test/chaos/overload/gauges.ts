import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstMessage, startNode } from '../children.ts';
import type { LoadOptions, LoadResult } from './load.ts';

/** Plays a load in a process of its own, on a core of its own where there is one to spare. */
export async function loadedBy(options: LoadOptions, core?: number): Promise<LoadResult> {
  const file = join(import.meta.dirname, 'load.ts');
  const child = startNode(['--import', 'tsx', file, JSON.stringify(options)], { core });
  return (await firstMessage(child)) as LoadResult;
}

/** Megabytes that a process had at the most. */
export interface Memory {
  /** Its own, without the mapped pages of the log, which the system takes back when it needs them. */
  readonly own: number;
  readonly whole: number;
}

export function watchMemory(pid: number): { stop(): Memory } {
  const most = { own: 0, whole: 0 };
  const look = () => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
    most.own = Math.max(most.own, megabytes('RssAnon'));
    most.whole = Math.max(most.whole, megabytes('VmRSS'));
  };
  const timer = setInterval(look, 200);
  return {
    stop() {
      clearInterval(timer);
      look();
      return most;
    },
  };
}

/** Events on the log of a gateway's only shop, by its own books. */
export async function appendedOf(port: number): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const [, appended = '0'] = /gateway_events_total\{[^}]*outcome="appended"[^}]*\} (\S+)/.exec(page) ?? [];
  return Number(appended);
}
