import { join } from 'node:path';
import { firstMessage, startNode } from '../children.ts';
import { type Memory, memoryOf } from '../memory.ts';
import type { LoadOptions, LoadResult } from './load.ts';

/** Plays a load in a process of its own, on a core of its own where there is one to spare. */
export async function loadedBy(options: LoadOptions, core?: number): Promise<LoadResult> {
  const file = join(import.meta.dirname, 'load.ts');
  const child = startNode(['--import', 'tsx', file, JSON.stringify(options)], { core });
  return (await firstMessage(child)) as LoadResult;
}

/** What a process had at the most, looked at five times a second. */
export function watchMemory(pid: number): { stop(): Memory } {
  const most = { own: 0, whole: 0 };
  const look = () => {
    const { own, whole } = memoryOf(pid);
    most.own = Math.max(most.own, own);
    most.whole = Math.max(most.whole, whole);
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
