import { existsSync, readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Position } from '../log.ts';
import type { PipelineId } from '../state/shared.ts';

/** How far a log had come, stored beside its file. It reveals an emptied or older file. */
export interface Mark {
  /** The newest position of each shop. */
  readonly shops: Readonly<Record<string, Position>>;
  /** Every pipeline, and when the last event that it has finished was received, in milliseconds since 1970. */
  readonly pipelines: readonly (PipelineId & { readonly settledAt: number })[];
}

/** Undefined if there is none or it cannot be read: a mark helps but is not required. */
export function readMark(folder: string): Mark | undefined {
  const path = pathIn(folder);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Mark;
  } catch {
    return undefined;
  }
}

/** Throws if it cannot be written; the previous mark then stays. */
export async function writeMark(folder: string, mark: Mark): Promise<void> {
  const fresh = `${pathIn(folder)}.new`;
  try {
    await writeSynced(fresh, JSON.stringify(mark));
    await rename(fresh, pathIn(folder));
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => {});
    throw error;
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

const pathIn = (folder: string): string => join(folder, 'mark.json');
