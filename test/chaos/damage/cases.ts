import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Below, damageFile, fileDamages } from '../../support/damage.ts';

/** One way to damage a log that nobody uses. */
export interface Case {
  readonly name: string;
  /** `folder` holds a copy of the log; `other` is a sound log of another shop. */
  readonly damage: (folder: string, other: string, random: Below) => void;
  /** The part of its events that must be delivered all the same. */
  readonly kept: number;
  /** Whether it must be told even where no event is lost. */
  readonly told: boolean;
}

const dataFile = (folder: string): string => join(folder, 'data.mdb');

export const cases: readonly Case[] = [
  ...Object.entries(fileDamages).map(([name, damage]) => ({
    name: `a file that ${name}`,
    damage: (folder: string, _other: string, random: Below) => damageFile(folder, damage, random),
    kept: damage.kept,
    told: damage.told,
  })),
  {
    name: 'a lock file of noise',
    damage: (folder, _, random) =>
      writeFileSync(join(folder, 'lock.mdb'), Buffer.from(Array.from({ length: 8192 }, () => random(256)))),
    kept: 1,
    told: false,
  },
  {
    name: 'a folder in place of the file',
    damage: (folder) => {
      rmSync(dataFile(folder));
      mkdirSync(dataFile(folder));
    },
    kept: 0,
    told: true,
  },
  { name: 'a file that is missing', damage: (folder) => rmSync(dataFile(folder)), kept: 0, told: true },
  {
    name: 'the log of another shop',
    damage: (folder, other) => cpSync(dataFile(other), dataFile(folder)),
    kept: 0,
    told: true,
  },
];
