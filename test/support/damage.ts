import { closeSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = 4096;
/** How every meta page of LMDB begins its data: 0xBEEFC0DE, followed by the version of the format. */
const MAGIC = Buffer.from('dec0efbe', 'hex');

/** A whole number from 0 up to this one. */
export type Below = (limit: number) => number;

/** What becomes of the file of a log. */
export interface FileDamage {
  readonly change: (file: number, size: number, random: Below) => void;
  /** The part of its events that must be kept at least. */
  readonly kept: number;
  /** Whether it must be told even where nothing is lost. */
  readonly told: boolean;
}

const over = (file: number, at: number, bytes: Buffer): void => void writeSync(file, bytes, 0, bytes.length, at);
const noise = (length: number, random: Below): Buffer => Buffer.from(Array.from({ length }, () => random(256)));

/** By what is the matter with the file. */
export const fileDamages: Readonly<Record<string, FileDamage>> = {
  'is empty': { change: (file) => ftruncateSync(file, 0), kept: 0, told: true },
  'ends after its first page': { change: (file) => ftruncateSync(file, PAGE), kept: 0, told: true },
  'is half there': { change: (file, size) => ftruncateSync(file, size / 2), kept: 0.3, told: true },
  'ends in the middle of a page': {
    change: (file, size, random) => ftruncateSync(file, Math.floor(size * 0.7) + random(PAGE)),
    kept: 0.5,
    told: true,
  },
  'has lost its first page': { change: (file) => over(file, 0, Buffer.alloc(PAGE)), kept: 0.95, told: true },
  'has lost its second page': { change: (file) => over(file, PAGE, Buffer.alloc(PAGE)), kept: 0.95, told: false },
  'has lost its first two pages': { change: (file) => over(file, 0, Buffer.alloc(2 * PAGE)), kept: 0.95, told: true },
  'begins with noise': { change: (file, _, random) => over(file, 0, noise(2 * PAGE, random)), kept: 0.95, told: true },
  'has noise in five places': {
    change: (file, size, random) => {
      for (let i = 0; i < 5; i++) over(file, random(size - 64), noise(64, random));
    },
    kept: 0.95,
    told: false,
  },
  'is of a newer format': { change: (file) => makeNewer(file), kept: 0.95, told: true },
};

/** Does it to the log in a folder. */
export function damageFile(folder: string, { change }: FileDamage, random: Below): void {
  const path = join(folder, 'data.mdb');
  const file = openSync(path, 'r+');
  change(file, statSync(path).size, random);
  closeSync(file);
}

function makeNewer(file: number): void {
  const metas = Buffer.alloc(2 * PAGE);
  readSync(file, metas, 0, metas.length, 0);
  let found = 0;
  for (let at = metas.indexOf(MAGIC); at >= 0; at = metas.indexOf(MAGIC, at + 1)) {
    over(file, at + MAGIC.length, Buffer.from([99, 0, 0, 0]));
    found += 1;
  }
  if (found !== 2) throw new Error(`expected two meta pages, found ${found}`);
}
