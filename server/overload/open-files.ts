import { readFileSync } from 'node:fs';

/** The part of the files that a process may open which clients may have: the rest is for the log, for destinations and for names. */
const PART_OF_CLIENTS = 0.6;

/** How many connections can be taken without a lack of file descriptors elsewhere. */
export const affordable = (connections: number, openFiles = limit()): number =>
  Math.min(connections, Math.floor(openFiles * PART_OF_CLIENTS));

/** What the system lets this process open; no limit where it does not say. */
function limit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
