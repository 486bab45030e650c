import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { built } from '../support/built.ts';
import { describe } from '../support/describe.ts';
import type { Change } from './build-copy.ts';
import { pointsOf } from './points/catalogue.ts';
import { deadly } from './points/point.ts';
import { bookkeepers, droppers, muddlers, nuisances } from './saboteurs/droppers.ts';
import { liars, unsynced } from './saboteurs/liars.ts';
import { stoppers, undoers } from './saboteurs/undoers.ts';

const dist = resolve(built(), '../..');

/** What is not in the build exactly once: a scenario would break off there. */
const missing = (changes: readonly Change[]): string[] =>
  changes
    .filter(({ file, piece }) => {
      const path = join(dist, file);
      return !existsSync(path) || readFileSync(path, 'utf8').split(piece).length !== 2;
    })
    .map(({ file, piece }) => `${file}: ${piece}`);

describe('the pieces of the build that scenarios change', ({ it }) => {
  it('of saboteurs are there, once', () => {
    const saboteurs = [
      ...unsynced,
      ...liars,
      ...droppers,
      ...nuisances,
      ...muddlers,
      ...bookkeepers,
      ...stoppers,
      ...undoers,
    ];
    assert.equal(missing(saboteurs.flatMap(({ changes }) => changes)), []);
  });

  for (const log of ['lmdb', 'postgres'])
    it(`of points are there, once, on ${log}`, () => {
      assert.equal(missing([...deadly, ...pointsOf(log).map(({ change }) => change)]), []);
    });
});
