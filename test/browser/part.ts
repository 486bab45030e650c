import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { withPart } from '../support/readme.ts';

const PAGE = 'adapters/dialects/BROWSERS.md';

/** Fails where the page has another table between `<!-- name -->` and `<!-- /name -->`; with --write it gets this one first. */
export function checkPart(name: string, rows: readonly (readonly string[])[]): void {
  const table = rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  if (process.argv.includes('--write')) writeFileSync(PAGE, withPart(readFileSync(PAGE, 'utf8'), name, table));
  const page = readFileSync(PAGE, 'utf8');
  assert.ok(page === withPart(page, name, table), `the page has another table than this:\n${table}`);
}
