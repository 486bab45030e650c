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

/** A damaged file that was put aside, and what is needed to restore its intact records. */
export interface Restoration {
  readonly reason: string;
  /** The folder of the damaged file. */
  readonly aside: string;
  /** How far the log had come, by the last mark before the damage was found. */
  readonly mark?: Mark | undefined;
}

/** Moves a damaged file aside for inspection. It first writes a note of what is to be done, so that the next process can finish it. */
export function setAside(folder: string, reason: string, mark: Mark | undefined, now: number): Restoration {
  const aside = join(folder, 'damaged', new Date(now).toISOString().replaceAll(/[:.]/g, '-'));
  const restoration = { reason, aside, mark };
  note(folder, restoration);
  move(folder, aside);
  return restoration;
}

/** An unfinished restoration. It starts from the beginning: no request was answered meanwhile, so the new file has nothing else. */
export function unfinished(folder: string): Restoration | undefined {
  if (!existsSync(pathIn(folder))) return undefined;
  const restoration = JSON.parse(readFileSync(pathIn(folder), 'utf8')) as Restoration;
  if (existsSync(join(restoration.aside, 'data.mdb'))) for (const file of filesIn(folder)) rmSync(join(folder, file));
  else move(folder, restoration.aside);
  return restoration;
}

/** Call it when everything is restored. The note must be gone for good: with it, the next start would delete what comes from now on. */
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
