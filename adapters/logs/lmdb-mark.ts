import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Position } from './log.ts';
import type { PipelineId } from './state.ts';

/** How far a log had come, kept beside its file: by this an emptied or older file is known for what it is. */
export interface Mark {
  /** The newest position of each shop. */
  readonly shops: Readonly<Record<string, Position>>;
  /** Every pipeline, and when the last event that it has finished was received, in milliseconds since 1970. */
  readonly pipelines: readonly (PipelineId & { readonly settledAt: number })[];
}

/** Undefined where there is none, or it cannot be read: a mark is a help, not a condition. */
export function readMark(folder: string): Mark | undefined {
  const path = pathIn(folder);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Mark;
  } catch {
    return undefined;
  }
}

export function writeMark(folder: string, mark: Mark): void {
  const fresh = `${pathIn(folder)}.new`;
  const file = openSync(fresh, 'w');
  writeSync(file, JSON.stringify(mark));
  fsyncSync(file);
  closeSync(file);
  renameSync(fresh, pathIn(folder));
}

const pathIn = (folder: string): string => join(folder, 'mark.json');
