import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { withPart } from '../support/readme.ts';

/** Fails where the README has another table between `<!-- name -->` and `<!-- /name -->`; with --write it gets this one first. */
export function checkPart(name: string, rows: readonly (readonly string[])[]): void {
  const table = rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  if (process.argv.includes('--write'))
    writeFileSync('README.md', withPart(readFileSync('README.md', 'utf8'), name, table));
  const page = readFileSync('README.md', 'utf8');
  assert.ok(page === withPart(page, name, table), `the README has another table than this:\n${table}`);
}
