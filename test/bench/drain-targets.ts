import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { ended, firstMessage, startNode } from '../chaos/children.ts';
import type { Progress } from './drain-sink.ts';
import { loadCore } from './subjects.ts';

/** Where events arrive. `look` says how far it has come. */
export interface Target {
  open(): Promise<void>;
  look(): Progress;
  close(): Promise<void>;
}

const nothing: Progress = { events: 0, first: 0, firstAt: 0, lastAt: 0 };

/** An HTTP destination in a process of its own, on the core of the load. */
export function sinkAt(port: number): Target {
  let progress = nothing;
  let stop = async () => {};
  return {
    async open() {
      const script = join(import.meta.dirname, 'drain-sink.ts');
      const child = startNode(['--import', 'tsx', script], { core: loadCore, environment: { PORT: String(port) } });
      await firstMessage(child);
      child.on('message', (message) => {
        progress = message as Progress;
      });
      stop = async () => void (await ended(child, 'SIGKILL'));
    },
    look: () => progress,
    close: () => stop(),
  };
}

/** The folder of a file destination. */
export function folderAt(directory: string): Target {
  const counter = lineCounter(directory);
  let progress = nothing;
  return {
    async open() {},
    look() {
      const events = counter();
      const now = performance.now();
      if (progress.events === 0 && events > 0) progress = { events, first: events, firstAt: now, lastAt: now };
      else if (events > progress.events) progress = { ...progress, events, lastAt: now };
      return progress;
    },
    async close() {},
  };
}

/** Counts the lines of all files below a folder; reads only what is new. Files are known by inode, because they are renamed when complete. */
function lineCounter(directory: string): () => number {
  const read = new Map<number, number>();
  const buffer = Buffer.alloc(1 << 20);
  let lines = 0;
  const count = (path: string) => {
    const file = opened(path);
    if (file === undefined) return;
    const { ino } = fstatSync(file);
    let from = read.get(ino) ?? 0;
    for (let size = readSync(file, buffer, 0, buffer.length, from); size > 0; ) {
      lines += newlines(buffer, size);
      from += size;
      size = readSync(file, buffer, 0, buffer.length, from);
    }
    read.set(ino, from);
    closeSync(file);
  };
  return () => {
    if (!existsSync(directory)) return 0;
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) count(join(entry.parentPath, entry.name));
    return lines;
  };
}

/** Undefined where the file has just lost that name: it is found under its new one the next time. */
function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function newlines(buffer: Buffer, size: number): number {
  let count = 0;
  for (let at = buffer.indexOf(10); at >= 0 && at < size; at = buffer.indexOf(10, at + 1)) count += 1;
  return count;
}
