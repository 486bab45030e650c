import { join } from 'node:path';
import { firstMessage, startNode } from '../children.ts';
import { type Memory, memoryOf } from '../memory.ts';
import { pause } from '../random.ts';
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

/** Events on the log of a gateway, by its own books. */
export const appendedOf = (port: number): Promise<number> =>
  gauge(port, /gateway_events_total\{[^}]*outcome="appended"[^}]*\} (\S+)/g);

const CAUGHT_UP_MS = 60_000;

/** Resolves when no pipeline has anything before it: what a load leaves behind costs the next one. */
export async function caughtUp(port: number): Promise<void> {
  const end = performance.now() + CAUGHT_UP_MS;
  while ((await gauge(port, /gateway_pipeline_pending\{[^}]*\} (\S+)/g)) > 0 && performance.now() < end)
    await pause(200);
}

async function gauge(port: number, pattern: RegExp): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return [...page.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0);
}
