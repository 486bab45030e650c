import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { Settings } from '../../schemas/settings.ts';
import { describe } from '../support/describe.ts';
import { loadExample } from '../support/example.ts';
import { pages } from '../support/pages.ts';
import { blocksOf, generatedPages, withGeneratedParts } from '../support/readme.ts';

const texts = new Map(pages.map((page) => [page, readFileSync(page, 'utf8')] as const));

describe('the configuration in pages', ({ it }) => {
  it('has examples that load', () => {
    const examples = [...texts].flatMap(([page, text]) =>
      blocksOf(text).flatMap(({ language, text }) => (language === 'yaml' ? [{ page, text }] : [])),
    );
    assert.ok(examples.length >= 5);
    for (const { page, text } of examples) assert.ok(loadExample(text).shops.length > 0, page);
  });

  for (const page of generatedPages)
    it(`has the generated parts that the sources give (npm run readme): ${page}`, () => {
      assert.is(texts.get(page), withGeneratedParts(page));
    });

  it('names no environment variable that does not exist', () => {
    const text = [...texts.values()].join('\n');
    const set = [...text.matchAll(/\b([A-Z][A-Z_]+)=(?=\S)/g)].map(([, name = '']) => name);
    assert.ok(set.length > 8);
    const secrets = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
    secrets.add('TZ'); // that the process sets for itself
    for (const name of set) assert.ok(name in Settings.properties || secrets.has(name), name);
  });
});
