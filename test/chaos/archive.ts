import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { recognise } from './events.ts';
import type { Arrival } from './sink.ts';

/** What a file pipeline left in its folder, in the order of its files' names and of their lines. */
export function archived(folder: string, destination: string): Arrival[] {
  return filesOf(folder).flatMap((path) => {
    const bytes = readFileSync(path);
    const lines = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n');
    const { mtimeMs: at } = statSync(path);
    return lines
      .filter((line) => line !== '')
      .map((line, index) => arrival(line, destination, `${path}:${index + 1}`, at));
  });
}

/** How many bytes there are by now. */
export const archivedBytes = (folder: string): number =>
  filesOf(folder).reduce((sum, path) => sum + statSync(path).size, 0);

function arrival(line: string, destination: string, place: string, at: number): Arrival {
  try {
    return { ...recognise(JSON.parse(line)), destination, at };
  } catch {
    return { destination, unreadable: `${place}: ${line.slice(0, 200)}` };
  }
}

function filesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
