import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { ended, firstMessage, startNode } from '../chaos/children.ts';
import type { Behaviour } from '../support/sink.ts';
import type { FreshOrder, Sent } from './fresh.ts';
import type { Arrivals, SinkOrder } from './lag-sinks.ts';
import { ownMemoryMb } from './processes.ts';
import { loadCore } from './subjects.ts';

/** Destinations in a process of their own that measure how late events are. */
export interface Sinks {
  readonly urls: readonly string[];
  /** What came since the last question. */
  look(): Promise<Arrivals>;
  /** Answers so from now on; gives what came before. */
  behave(behaviour: Behaviour): Promise<Arrivals>;
  stop(): Promise<void>;
}

export async function startSinks(count: number): Promise<Sinks> {
  const child = startScript('lag-sinks.ts', String(count));
  const urls = (await firstMessage(child)) as string[];
  const ask = asker<SinkOrder, Arrivals>(child);
  return {
    urls,
    look: () => ask({ kind: 'look' }),
    behave: (behaviour) => ask({ kind: 'behave', behaviour }),
    stop: async () => void (await ended(child, 'SIGKILL')),
  };
}

/** A steady stream of single, stamped events from a process of its own, each sent at its time whatever became of the others. */
export interface Fresh {
  start(rate: number, eventType: string): Promise<unknown>;
  /** Waits for the last answers. */
  stop(): Promise<Sent>;
  end(): Promise<void>;
}

export async function startFresh(port: number, token: string): Promise<Fresh> {
  const child = startScript('fresh.ts', String(port), token);
  await firstMessage(child);
  const ask = asker<FreshOrder, unknown>(child);
  return {
    start: (rate, eventType) => ask({ kind: 'start', rate, eventType }),
    stop: () => ask({ kind: 'stop' }) as Promise<Sent>,
    end: async () => void (await ended(child, 'SIGKILL')),
  };
}

/** Looks at a process's own memory four times a second until asked for the most it saw, in MB. */
export function mostMemoryOf(pid: number): () => number {
  let most = ownMemoryMb(pid) ?? Number.NaN;
  const timer = setInterval(() => {
    most = Math.max(most, ownMemoryMb(pid) ?? Number.NaN);
  }, 250);
  return () => {
    clearInterval(timer);
    return most;
  };
}

/** Lets a gateway collect its garbage when told to, so that what it keeps can be told from what it has not swept up yet. */
export const collectable = ['--expose-gc', '--import', 'data:text/javascript,process.on("SIGUSR2",()=>{gc();gc()})'];

/** What a gateway started with `collectable` keeps, in MB. */
export async function keptMemoryOf(pid: number): Promise<number> {
  process.kill(pid, 'SIGUSR2');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return ownMemoryMb(pid) ?? Number.NaN;
}

/** Events that a pipeline has yet to finish, by its id, as the gateway itself says. */
export async function pendingOf(port: number): Promise<Readonly<Record<string, number>>> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  const { pipelines } = (await answer.json()) as { pipelines: { pipeline: string; pending: number }[] };
  return Object.fromEntries(pipelines.map(({ pipeline, pending }) => [pipeline, pending]));
}

const startScript = (name: string, ...args: string[]): ChildProcess =>
  startNode(['--import', 'tsx', join(import.meta.dirname, name), ...args], { core: loadCore });

/** One question at a time; rejects if the process ends before it answers. */
function asker<Order, Answer>(child: ChildProcess): (order: Order) => Promise<Answer> {
  return (order) =>
    new Promise((resolve, reject) => {
      const gone = () => reject(new Error(`expected an answer from ${child.spawnargs.join(' ')}, it ended`));
      child.once('exit', gone);
      child.once('message', (answer) => {
        child.off('exit', gone);
        resolve(answer as Answer);
      });
      child.send(order as object);
    });
}
