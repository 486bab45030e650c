import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { buildOf } from '../../../server/base/build.ts';
import { built } from '../../support/built.ts';
import { describe } from '../../support/describe.ts';

describe('what runs here', ({ it }) => {
  it('is a version, a Node, and a commit where the platform says one', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const node = process.version;
    assert.equal(buildOf({}), { version, node });
    assert.equal(buildOf({ HEROKU_SLUG_COMMIT: ' abcdef0123 ', SOURCE_VERSION: 'fedcba9' }).commit, 'abcdef0123');
    assert.equal(buildOf({ HEROKU_SLUG_COMMIT: '', GIT_REV: 'fedcba9' }).commit, 'fedcba9');
    // What is no commit may be anything, and every line of metrics would show it.
    assert.equal(buildOf({ SOURCE_VERSION: 'main; token=hunter2' }), { version, node });
  });
});

describe('what the build makes of typebox', ({ it }) => {
  const build = dirname(dirname(built()));
  const folder = `${build}/node_modules/typebox`;

  it('is what is installed, in few files', () => {
    const installed = readFileSync('node_modules/typebox/package.json', 'utf8');
    assert.is(readFileSync(`${folder}/package.json`, 'utf8'), installed);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.mjs'));
    assert.ok(files.length < 30, String(files.length));
    const parts = Object.keys(JSON.parse(installed).exports as object).map((name) => name.replace('.', 'typebox'));
    assert.ok(parts.length > 3);
    // This file is built beside the server, so it finds what the server finds.
    for (const part of parts) {
      const found = fileURLToPath(import.meta.resolve(part));
      assert.ok(found.startsWith(folder), found);
      assert.ok(files.includes(found.slice(folder.length + 1)), found);
    }
  });
});
