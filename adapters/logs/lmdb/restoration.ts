import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Mark } from './mark.ts';

/** A damaged file that is put aside, and what is needed to store anew what is intact in it. */
export interface Restoration {
  readonly reason: string;
  /** The folder where the damaged file is. */
  readonly aside: string;
  /** How far the log had come, by the last mark before the damage was found. */
  readonly mark?: Mark | undefined;
}

/**
 * Puts a damaged file aside, where it can be looked into. What is to be done is noted first, so that a process that ends before all
 * of it is done leaves it to the next.
 */
export function setAside(folder: string, reason: string, mark: Mark | undefined, now: number): Restoration {
  const aside = join(folder, 'damaged', new Date(now).toISOString().replaceAll(/[:.]/g, '-'));
  const restoration = { reason, aside, mark };
  note(folder, restoration);
  move(folder, aside);
  return restoration;
}

/** A restoration that was begun and not finished. It begins anew: no request has been answered since, so nothing else is in the file. */
export function unfinished(folder: string): Restoration | undefined {
  if (!existsSync(pathIn(folder))) return undefined;
  const restoration = JSON.parse(readFileSync(pathIn(folder), 'utf8')) as Restoration;
  if (existsSync(join(restoration.aside, 'data.mdb'))) for (const file of filesIn(folder)) rmSync(join(folder, file));
  else move(folder, restoration.aside);
  return restoration;
}

/** To be called when everything is stored anew. The note is gone for good then: with it the next start would throw away what comes now. */
export function finished(folder: string): void {
  rmSync(pathIn(folder));
  const directory = openSync(folder, 'r');
  fsyncSync(directory);
  closeSync(directory);
}

function note(folder: string, restoration: Restoration): void {
  const fresh = `${pathIn(folder)}.new`;
  const file = openSync(fresh, 'w');
  writeSync(file, JSON.stringify(restoration));
  fsyncSync(file);
  closeSync(file);
  renameSync(fresh, pathIn(folder));
}

function move(folder: string, aside: string): void {
  mkdirSync(aside, { recursive: true });
  for (const file of filesIn(folder)) renameSync(join(folder, file), join(aside, file));
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder).filter((file) => file.endsWith('.mdb') || file.endsWith('.mdb-lock'));

const pathIn = (folder: string): string => join(folder, 'restoration.json');
